# Adds the source nhi to passwd and group: right behind files, so that no other source delays or shadows
# an agent; at the end where files is followed by an action in brackets, which must stay next to it.
/^(passwd|group):/ && !/[[:space:]]nhi([[:space:]]|$)/ {
    if (!/files[[:space:]]*\[/ && sub(/[[:space:]]files([[:space:]]|$)/, " files nhi "))
        sub(/[[:space:]]+$/, "")
    else
        sub(/[[:space:]]*$/, " nhi")
}
{ print }
