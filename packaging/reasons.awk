# SPDX-License-Identifier: ISC
# awk -f reasons.awk reason_list.h PAGE: PAGE, which has an entry for each reason in the place of its line @REASONS@.

# A text in mdoc(7): each command, page of the manual and sentence is on a line of its own.
function mdoc(text,    part, line, n, i, out, macro)
{
    n = split(text, part, "`")
    text = ""
    for (i = 1; i <= n; i++) {
        if (i % 2 == 0)
            gsub(/-/, "\\-", part[i])
        else
            gsub(/[a-z][a-z-]*\([0-9]\)/, "\n.Xr &\n", part[i])
        text = text (i % 2 == 0 ? "\n.Ql " part[i] "\n" : part[i])
    }
    n = split(text, line, "\n")
    for (i = 1; i <= n; i++) {
        sub(/^ /, "", line[i])
        sub(/ $/, "", line[i])
        if (macro && line[i] ~ /^[.,;:]( |$)/) {
            out = out " " substr(line[i], 1, 1)
            line[i] = substr(line[i], 3)
        }
        if (line[i] == "")
            continue
        macro = line[i] ~ /^\.(Ql|Xr) /
        if (line[i] ~ /^\.Xr /)
            gsub(/[()]/, " ", line[i])
        while (!macro && match(line[i], /[.:] [A-Z]/))
            line[i] = substr(line[i], 1, RSTART) "\n" substr(line[i], RSTART + 2)
        sub(/ $/, "", line[i])
        out = out "\n" line[i]
    }
    return substr(out, 2) "\n"
}

# X(IDENTIFIER, "name", flags, "sentence", "usual cause", "what to type")
function entry(text,    string, n)
{
    while (match(text, /"([^"\\]|\\.)*"/)) {
        string[++n] = substr(text, RSTART + 1, RLENGTH - 2)
        gsub(/\\"/, "\"", string[n])
        text = substr(text, RSTART + RLENGTH)
    }
    return ".It Cm " string[1] "\n" toupper(substr(string[2], 1, 1)) substr(string[2], 2) ".\n" mdoc(string[3]) mdoc(string[4])
}

FNR == 1 { file++ }
file == 1 && /^ +X\([A-Z_]+, "/ { text = ""; inside = 1 }
file == 1 && inside {
    text = text $0
    if ($0 ~ /"\)( \\)?$/) {
        entries = entries entry(text)
        inside = 0
    }
}
file == 2 && $0 == "@REASONS@" { printf "%s", entries; next }
file == 2
