#!/bin/bash
# SPDX-License-Identifier: ISC
# adopt: what it reads about an account, and what it proposes in its place. tests/e2e/adopt.t tries the whole way.
# shellcheck source=tests/cli/lib.sh disable=SC2119,SC2317,SC2016
. "$(dirname "$0")/lib.sh"
setup_host

refused 1 'no account' 'an account that does not exist' nhictl adopt nobody-here
refused 1 'no account' 'a malformed name' nhictl adopt '../x'
refused 1 'is root' 'root' nhictl adopt root
refused 1 'leads to root (sudo)' 'a member of a privileged group' nhictl adopt boss
ok 'with the command to type' complained 'gpasswd -d boss sudo'
refused 2 'not a well-formed' 'a name that no agent can have' nhictl adopt deploy --agent Deploy
refused 1 'agent ci-bot already exists' 'an agent that exists' nhictl adopt deploy --agent ci-bot
expect 0 'an account that nothing uses' nhictl adopt person --json
ok 'has nothing' json '.keys == [] and .jobs == [] and .units == [] and .agent == "person-bot"'
ok 'and observing comes first, enforcing last' json '[.steps[].step] == ["observe", "register", "policy", "tickets", "enforce"]'

mkdir -p /home/deploy/.ssh
ssh-keygen -q -t ed25519 -N '' -C "it's; \$(touch /run/t/ran)" -f k1
ssh-keygen -q -t rsa -b 2048 -N '' -C old -f k2
{
    printf '# a comment\n\n  %s\n' "$(cat k1.pub)"
    printf 'from="10.0.0.0/8",command="/bin/x \\"y z\\"" %s\n' "$(cat k2.pub)"
    printf 'junk\nssh-ed25519 AAAA short\n\033[31m\n'
} >/home/deploy/.ssh/authorized_keys
ln -s /etc/shadow /home/deploy/.ssh/authorized_keys2
mkdir -p /etc/cron.d
cat >/etc/cron.d/jobs <<'CRON'
MAILTO=root
*/5 1-3 * * mon deploy /usr/local/bin/backup.sh --to "a b"
@daily deploy echo "it's" 'a 100\%'; cat%first line
0 0 * * * person true
0 0 * * * deploy
0 0 * * * deploy /opt/backup --again
5 5 * * * root cd / && su deploy -c true
5 5 * * * person su deploy -c true
CRON
mkdir -p /etc/systemd/system
printf '[Service]\nUser=deploy # not root\nExecStart=/bin/true\n' >/etc/systemd/system/nightly-x.service
printf '[Service]\nUser=deployer\n' >/etc/systemd/system/other-x.service
# Every way in which root becomes it; not where a word only looks like it.
mkdir -p /etc/cron.daily
cat >/etc/cron.daily/become <<'ROOT'
#!/bin/sh
# su deploy -c never
su - deploy -c 'pg_dump x'
/usr/sbin/runuser -u deploy -- /opt/x
setpriv --reuid=deploy id
test -x /bin/y && sudo -udeploy id
su person -c 'echo deployer'
echo su; ls /home/deploy
ROOT
printf '[Service]\nExecStart=/usr/bin/su deploy \\\n  -c true\n' >/etc/systemd/system/by-root.service
state() { find /etc /home -type f -exec sha256sum {} + | sort | sha256sum; }
nhictl status >/dev/null
was=$(state)
expect 0 'adopt' nhictl adopt deploy --owner "O'Neill" --json
ok 'it changed nothing' test "$was" = "$(state)"
ok 'two keys, whatever else the file has' json '[.keys[] | [.type, .can_be_bound]] == [["ssh-ed25519", true], ["ssh-rsa", false]]'
ok 'by the fingerprints of ssh' test "$(jq -r '.keys[].fingerprint' .out)" = "$(ssh-keygen -lf k1.pub | cut -d' ' -f2; ssh-keygen -lf k2.pub | cut -d' ' -f2)"
ok 'options and comments' json '.keys[1].options == "from=\"10.0.0.0/8\",command=\"/bin/x \\\"y z\\\"\"" and .keys[1].comment == "old"'
ok 'its jobs, and no other account' json '[.jobs[] | [.when, .job]] == [["*/5 1-3 * * mon", "backup"], ["@daily", "echo"], ["0 0 * * *", "backup-2"]]'
ok 'where root becomes it' json '[.as_root[] | split(":") | .[0] + ":" + .[1]] | sort == ["/etc/cron.d/jobs:7",
    "/etc/cron.daily/become:3", "/etc/cron.daily/become:4", "/etc/cron.daily/become:5", "/etc/cron.daily/become:6",
    "/etc/systemd/system/by-root.service:2"]'
ok 'its unit' json '.units == ["/etc/systemd/system/nightly-x.service"]'
ok 'nothing from a file that a link leads to' test "$(grep -c root: .out)" = 0

# Its output, typed unchanged.
steps() { jq -r --arg s "$1" '.steps[] | select(.step == $s).command' steps.json; }
cp .out steps.json
ok 'each command is complete for a shell' bash -nc "$(jq -r '.steps[].command' steps.json)"
expect 0 'register' bash -c "PATH=$BUILD:\$PATH; $(steps register)"
ok 'the agent has an owner' test "$(nhictl agent show deploy-bot --json | jq -r .agent.owner)" = "O'Neill"
expect 0 'policy' bash -c "PATH=$BUILD:\$PATH; $(steps policy)"
expect 0 'tickets' bash -c "PATH=$BUILD:\$PATH; $(steps tickets)"
ok 'the key is bound' test "$(nhictl ticket list --agent deploy-bot --json | jq '.tickets | length')" = 1
ok 'to the existing one' test "$(cut -d' ' -f1,2 deploy-bot-1.pub)" = "$(cut -d' ' -f1,2 k1.pub)"
ok 'text for people is in comments' test "$(steps tickets | grep -c '^# key 2, SHA256:.*ssh-keygen')" = 1
ok 'no text of the keys is run' test ! -e ran
rm /etc/cron.d/jobs
expect 0 'jobs' bash -c "$(steps jobs)"
grep -v '^#' /etc/cron.d/deploy-bot >lines
ok 'a line for each job' test "$(wc -l <lines)" = 3
ok 'as the agent' grep -qxF "*/5 1-3 * * mon root /usr/sbin/nhictl run --agent deploy-bot --job backup --concurrent -- /bin/sh -c '/usr/local/bin/backup.sh --to \"a b\"'" lines
# As cron does it: the text after the % is the input.
run perl -e '($_) = grep { s/^\@daily root .* -- // } <>; chomp; ($c, $in) = split /(?<!\\)%/, $_, 2; $c =~ s/\\%/%/g;
    open(my $p, "|-", "/bin/sh", "-c", $c) or die; print $p $in' lines
ok 'quotes and % keep their meaning' test "$OUT" = "it's a 100%
first line"
# ---- other content of keys and crontabs ----
mkdir -p /home/person/.ssh
ssh-keygen -q -t ed25519 -N '' -f k3
{
    printf 'cert-authority,principals="a,b" %s\n' "$(cat k1.pub)"
    printf 'no-PTY,environment="A=restrict,cert-authority",Command="/bin/x" %s\r\n' "$(cat k3.pub)"
} >/home/person/.ssh/authorized_keys
cat >/etc/cron.d/env <<'CRON'
# A = comment
MAILTO="ops@example.org"
@daily person first
 PATH = "/opt/it's:/bin"
SHELL=/bin/bash
RATE=5%
@daily person echo $PATH $RATE ${BASH_VERSION:+bash}
SHELL = /opt/50%/sh
= nothing
@daily person last
CRON
cp /etc/cron.d/env /etc/cron.d/env.dpkg-old
cp /etc/cron.d/env /etc/cron.d/env~
expect 0 'an account with more content' nhictl adopt person --json
cp .out steps.json
ok 'no ticket is bound to a key that signs others' test "$(steps tickets | grep -c 'person-bot-1.pub\|# key 1.*signs certificates')" = 1
ok 'what a key must not do, its ticket must not do' test "$(steps tickets | grep -c -- '--ssh no-pty$')" = 1
ok 'and what a ticket cannot express is reported' test "$(steps tickets | grep -c '^# key 2 could run one command.*Command="/bin/x"')" = 1
ok 'each command is complete' bash -nc "$(jq -r '.steps[].command' steps.json)"
ok 'copies that cron does not read do not count' json '.jobs | length == 3'
expect 0 'jobs' bash -c "$(steps jobs)"
grep -v '^#' /etc/cron.d/person-bot >lines
ok 'a job without variables' test "$(head -n 1 lines | grep -o -- '-- .*')" = "-- /bin/sh -c 'first'"
run perl -e '($_) = grep { /RATE/ } <>; s/^\@daily root .* -- //; chomp; s/\\%/%/g; exec("/bin/sh", "-c", $_)' lines
ok 'variables of the crontab become those of the job' test "$OUT" = "/opt/it's:/bin 5% bash"
ok 'a % for the shell is escaped for cron, and text without a name is no variable' \
    test "$(grep last lines | grep -o -- '-- .*')" = "-- /usr/bin/env 'PATH=/opt/it'\\''s:/bin' 'RATE=5'\% '/opt/50'\%'/sh' -c 'last'"
ok 'those of cron are shown to people' test "$(steps jobs | grep -c '^# that crontab also sets: MAILTO=ops@example.org')" = 3
rm -r /home/person/.ssh /etc/cron.d/env*
expect 0 'for people' nhictl adopt person
ok 'in 80 columns, except for the commands' test "$(sed '/^# observe/,$d' .out | wc -L)" -le 80
ok 'no control characters' test -z "$(LC_ALL=C grep -c $'\033' .out | grep -v '^0')"
finish
