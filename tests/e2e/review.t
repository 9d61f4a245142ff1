#!/bin/bash
# SPDX-License-Identifier: ISC
# The page of review in a real browser: it is complete, nothing in it runs, nothing is loaded, it can be printed.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

command -v chromium >/dev/null || {
    echo '1..0 # SKIP no chromium here: NHI_LAB_ALSO=browser packaging/lab.sh hosts ...'
    exit 0
}
lab_up
nhi_up
HOSTILE="Eve <script>document.title='ran'</script><img src=x onerror=alert(1)> & \"co\""
must nhictl agent transfer other-bot --owner "$HOSTILE"
must nhictl owner offboard "$HOSTILE" --reason 'left'
must sqlite3 -cmd '.timeout 20000' "$STATE/ledger.db" "UPDATE agent SET review_by = $NOW_SQL - 86400 WHERE name = 'ci-bot'"
must nhictl review --html "$W/review.html"

browser() { # browser PAGE OPTION...
    timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$W/chromium" \
        --enable-logging=stderr "${@:2}" "file://$1" 2>"$W/browser.log"
}
browser "$W/review.html" --dump-dom >"$W/review.dom"
ok $? 'the browser reads the page'
! grep -q CONSOLE "$W/browser.log"
ok $? 'and reports no error'
is "$(grep -c '<article class="high">' "$W/review.dom") $(grep -c '<article class="medium">' "$W/review.dom")" '1 1' \
    'both findings are in it'
is "$(grep -ciE '<script|<img' "$W/review.dom")" 0 'the name of an owner is not markup'
ok "$(grep -q 'Eve &lt;script&gt;document.title=' "$W/review.dom"; echo $?)" 'but text'
unlike "$(grep -o '<title>.*</title>' "$W/review.dom")" ran 'which did not run'
browser "$W/review.html" --no-pdf-header-footer --print-to-pdf="$W/review.pdf" >"$W/x"
like "$(head -c 5 "$W/review.pdf")" '^%PDF-' 'it can be printed'
# If markup got through all the same, it neither runs nor loads anything, and the browser reports that.
sed "s/&#60;/</g; s/&#62;/>/g; s/&#39;/'/g" "$W/review.html" >"$W/bad.html"
browser "$W/bad.html" --dump-dom >"$W/bad.dom"
ok "$(grep -q CONSOLE "$W/browser.log" && ! grep -q '<title>ran' "$W/bad.dom"; echo $?)" 'text that got through as markup does not run either'
finish
