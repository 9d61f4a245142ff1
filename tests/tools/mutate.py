#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Do the tests notice a change? Changes one place of the source at a time, for which the tests have to fail.

usage: mutate.py [--seed N] [--count N] [--jobs N] [--known FILE] [--at FILE:LINE] FILE... [-- TEST...]

FILE: below libnhi/, pam_nhi/ or pam_decide/. TEST: names of programs of tests/unit and tests/fault, by default all.
The tree, which has to be built, is copied below TMPDIR, once for each job, and is not changed itself. The core is built
in the copy as a shared library, so that a change costs one object and one link; programs of tests/fault are linked when
they are run.

Only tests that enter the changed function are run; each is run once before to find out which functions it enters.
Tests that noticed something in the same file before come first, then the quickest. --known keeps this for
the next time.

A change is caught if a test fails or crashes twice. A test that takes 10 times as long as before is ended, and reported
as slow: that is no proof. A change that does not compile does not count, and another is drawn instead.
"""
import argparse, collections, glob, json, os, random, re, shutil, subprocess, sys, tempfile, threading, time

SWAPS = [(r'==', '!='), (r'!=', '=='), (r'(?<![<>-])<(?![<=])', '<='), (r'<=', '<'), (r'>=', '>'),
         (r'(?<![->])>(?![>=])', '>='), (r'&&', '||'), (r'\|\|', '&&'), (r'return NHI_DENY_\w+', 'return NHI_PERMIT'),
         (r'= NHI_DENY_\w+', '= NHI_PERMIT'), (r'\btrue\b', 'false'), (r'\bfalse\b', 'true'), (r' \+ ', ' - '),
         (r' - ', ' + '), (r'!(?=\w)', ''), (r'return NHI_ERR_\w+', 'return NHI_OK'), (r'return err', 'return NHI_OK'),
         (r'= NHI_ERR_\w+', '= NHI_OK')]
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# After this many tests that hang, the others are not run.
HANGS = 3

# Records the functions that a program enters, however it or its children end: one byte of a file per byte of code.
ENTERED = r'''
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#define HIDDEN __attribute__((visibility("hidden")))
#define SIZE (1 << 22)
extern const char __ehdr_start[] HIDDEN;
static unsigned char *entered;
static void __attribute__((constructor)) begin(void)
{
    char path[4096];
    void *p;
    int fd;

    (void)snprintf(path, sizeof path, "%s/" NAME, getenv("ENTERED"));
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || ftruncate(fd, SIZE) != 0)
        return;
    p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    entered = p == MAP_FAILED ? NULL : p;
}
HIDDEN void __cyg_profile_func_enter(void *fn, void *from)
{
    size_t at = (size_t)((const char *)fn - __ehdr_start);
    (void)from;
    if (entered != NULL && at < SIZE)
        entered[at] = 1;
}
HIDDEN void __cyg_profile_func_exit(void *fn, void *from)
{
    (void)fn;
    (void)from;
}
'''


def sites(path):
    """(file, line, from, to, instead) of each place that can be changed, except in comments, strings and directives."""
    found, comment = [], False
    for i, line in enumerate(open(os.path.join(TOP, path)).read().split('\n')):
        s = line.strip()
        if s.startswith('/*') or comment:
            comment = '*/' not in s
            continue
        if s.startswith(('*', '#', '//')) or not line.startswith(' '):
            continue
        code = line.find('/*') if '/*' in line else len(line)
        for pattern, instead in SWAPS:
            for m in re.finditer(pattern, line):
                if m.start() < code and line[:m.start()].count('"') % 2 == 0:
                    found.append((path, i, m.start(), m.end(), instead))
    return found


def function(lines, i):
    """The name of the function that has line i, or None."""
    for line in reversed(lines[:i]):
        if line and line[0] not in ' {#' and not re.match(r'\w+:', line):
            m = re.match(r'[A-Za-z_][^=;]*?(\w+)\([^;]*$', line)
            return m and m.group(1)
    return None


def run(argv, timeout=None, **more):
    """The exit status, or None if it took too long."""
    p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                         start_new_session=True, **more)
    try:
        return p.wait(timeout)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, 9)
        p.wait()
        return None


class Copy:
    """A tree of its own, with everything that the tests of a changed file need."""

    def __init__(self, tests, entering=False):
        self.dir = tempfile.mkdtemp(prefix='nhi-mutate-')
        os.chmod(self.dir, 0o755)
        for d in ('Makefile', 'conf', 'hostcfg', 'keys_decide', 'libnhi', 'nhictl', 'nss_ask', 'nss_nhi', 'packaging', 'pam_decide', 'pam_nhi', 'pam_trial', 'sshd_nhi', 'tests'):
            to = os.path.join(self.dir, d)
            if os.path.isdir(os.path.join(TOP, d)):
                shutil.copytree(os.path.join(TOP, d), to)
            else:
                shutil.copy(os.path.join(TOP, d), to)
        self.build = self.dir + '/build'
        self.entering = entering
        says = self.make('$(ALLCFLAGS)', '$(CORE_LIBS) $(CONF_LIBS)')
        self.cc = ['cc'] + says[0].replace("'", '').split()
        if entering:
            self.cc.append('-finstrument-functions')
        self.libs = says[1].split()
        self.lib, self.pam, self.decide, self.shared = (self.sources(*d) for d in (('libnhi', 'conf'), ('pam_nhi',), ('pam_decide',), ('tests/lib',)))
        self.tests = tests
        self.more = collections.defaultdict(list)
        for t, o in re.findall(r'^\$\(BUILD\)/tests/unit/(\w+): \$\(BUILD\)/obj/(\S+)\.o$', open(self.dir + '/Makefile').read(), re.M):
            self.more[t].append(o + '.c')
        self.wraps = dict(zip(tests, self.make(*('$(WRAPPED_%s)' % t for t in tests))))
        os.makedirs(self.build + '/tests/unit')
        os.makedirs(self.build + '/tests/fault')
        # Files that tests of the module expect beside it.
        for t in glob.glob(TOP + '/build/*') + glob.glob(TOP + '/build/tests/*.so.2'):
            if os.path.isfile(t):
                shutil.copy(t, self.build + t[len(TOP + '/build'):])
        for f in self.lib + self.pam + self.decide + self.shared + [f for t in tests for f in self.own(t)]:
            if not self.compile(f):
                sys.exit('mutate: %s does not compile' % f)
        # Some tests include a file of the core.
        self.within = {t: set(re.findall(r'^#include "(\S+\.c)"', open(self.dir + '/' + self.own(t)[0]).read(), re.M)) for t in tests}
        self.link_shared()
        for t in tests:
            self.link_unit(t)

    def make(self, *texts):
        return subprocess.run(['make', '-s', '--eval=say: ; @' + ' ; '.join('echo ' + t for t in texts), 'say',
                               'CFLAGS=-O1 -Wno-error -fvisibility=default'], check=True, capture_output=True, text=True,
                              cwd=self.dir).stdout.split('\n')

    def sources(self, *rooms):
        return sorted(os.path.relpath(f, self.dir) for d in rooms for f in glob.glob('%s/%s/**/*.c' % (self.dir, d), recursive=True))

    def own(self, t):
        return [f for f in ('tests/unit/%s.c' % t, 'tests/fault/%s.c' % t) if os.path.exists(self.dir + '/' + f)] + self.more[t]

    def program(self, t):
        return self.build + '/' + self.own(t)[0][:-2]

    def obj(self, f):
        return self.build + '/obj/' + f[:-2] + '.o'

    def compile(self, f):
        os.makedirs(os.path.dirname(self.obj(f)), exist_ok=True)
        return run(self.cc + ['-w', '-c', '-o', self.obj(f), f], cwd=self.dir) == 0

    def link(self, how, sources, libs):
        # A program or library with a copy of the core records which of its functions are entered.
        more = [self.build + '/entered.c', '-DNAME="%s"' % os.path.basename(how[-1])] if self.entering and self.lib[0] in sources else []
        subprocess.run(['cc'] + how + [self.obj(f) for f in sources] + more + libs, check=True, cwd=self.dir)

    def link_shared(self):
        with open(self.build + '/entered.c', 'w') as c:
            c.write(ENTERED)
        self.link(['-shared', '-fPIC', '-o', self.build + '/libnhi.so'], self.lib, self.libs)
        # With its own copy of the core, like the real module.
        self.link(['-shared', '-fPIC', '-Wl,--version-script=pam_nhi/pam_nhi.map', '-Wl,-Bsymbolic', '-o',
                   self.build + '/pam_nhi.so'], self.pam + self.lib, self.libs + ['-lpam'])
        self.link(['-shared', '-fPIC', '-Wl,--version-script=pam_decide/pam_decide.map', '-Wl,-Bsymbolic', '-o',
                   self.build + '/nhi-decide.so'], self.decide + [f for f in self.pam if f != 'pam_nhi/pam_nhi.c'] + self.lib,
                  self.libs + ['-lpam'])
        self.changed = set(self.tests)

    def link_unit(self, t):
        if not self.wraps[t]:
            self.link(['-o', self.program(t)], self.own(t) + self.shared,
                      ['-L' + self.build, '-Wl,-rpath,' + self.build, '-lnhi'] + self.libs + ['-lcmocka', '-lpam', '-ldl', '-lpthread'])

    def rebuild(self, f):
        if not self.compile(f):
            return False
        self.link_shared()
        for t in self.tests:
            if f in self.within[t] and self.compile(self.own(t)[0]):
                self.link_unit(t)
        return True

    def test(self, t, timeout=None, **environ):
        if self.wraps[t] and t in self.changed:
            self.link(['-Wl,--wrap=' + w for w in self.wraps[t].split()] + ['-o', self.program(t)],
                      self.own(t) + self.shared + self.pam + self.lib,
                      self.libs + ['-lcmocka', '-lpam', '-ldl', '-lpthread'])
            self.changed.discard(t)
        return run([self.program(t)], timeout, cwd=self.dir, env=dict(os.environ, BUILD=self.build, **environ))

    def enters(self, t):
        """The names of the functions that a test enters."""
        to = tempfile.mkdtemp(dir=self.build)
        os.chmod(to, 0o777)
        self.test(t, ENTERED=to)
        names = set()
        for f in os.listdir(to):
            entered = open(to + '/' + f, 'rb').read()
            where = self.build + '/' + f if f.endswith('.so') else self.program(t)
            for line in subprocess.run(['nm', where], check=True, capture_output=True, text=True).stdout.split('\n'):
                m = re.match(r'([0-9a-f]+) [tT] (\S+)', line)
                if m and int(m.group(1), 16) < len(entered) and entered[int(m.group(1), 16)]:
                    names.add(m.group(2))
        shutil.rmtree(to)
        return sorted(names)

    def remove(self):
        shutil.rmtree(self.dir)


def learn(copy, tests, known):
    """Finds out which functions each test enters, and how long it takes."""
    other = Copy(tests, entering=True)

    def enter():
        for t in tests:
            if t not in known['enters']:
                known['enters'][t] = other.enters(t)
    thread = threading.Thread(target=enter)
    thread.start()
    for t in tests:
        if t in known['seconds']:
            continue
        begun = time.monotonic()
        if copy.test(t, 1200) != 0 and copy.test(t, 1200) != 0:
            sys.exit('mutate: %s fails as it is' % t)
        known['seconds'][t] = time.monotonic() - begun
    thread.join()
    other.remove()


class Trial:
    """All changes, distributed among the jobs."""

    def __init__(self, places, count, known, tests):
        self.places, self.count, self.known, self.tests = iter(places), count, known, tests
        self.lock = threading.Lock()
        self.score = collections.Counter()
        self.under_way = 0

    def next(self):
        with self.lock:
            done = self.score['caught'] + self.score['survived'] + self.score['slow']
            place = next(self.places, None) if done + self.under_way < self.count else None
            self.under_way += place is not None
            return place

    def ask(self, copy, f, lines, i):
        name = function(lines, i)
        tests = [t for t in self.tests if name is None or name in self.known['enters'][t] or f in copy.within[t]]
        before = self.known['noticed'].setdefault(f, {})
        slow = []
        for t in sorted(tests, key=lambda t: (-before.get(t, 0), self.known['seconds'][t])):
            limit = 10 * self.known['seconds'][t] + 30
            rc = copy.test(t, limit)
            if rc is None:
                slow.append(t)
                if len(slow) == HANGS:
                    break
            elif rc != 0 and copy.test(t, limit) != 0:
                before[t] = before.get(t, 0) + 1
                return 'caught', t
        return ('slow', ' '.join(slow)) if slow else ('survived', '%d tests' % len(tests))

    def one(self, copy, place):
        f, i, begin, end, instead = place
        path = copy.dir + '/' + f
        source = open(path).read()
        lines = source.split('\n')
        old, lines[i] = lines[i], lines[i][:begin] + instead + lines[i][end:]
        open(path, 'w').write('\n'.join(lines))
        begun = time.monotonic()
        try:
            result, by = self.ask(copy, f, lines, i) if copy.rebuild(f) else ('not built', '')
        finally:
            open(path, 'w').write(source)
            copy.rebuild(f)
        with self.lock:
            self.score[result] += 1
            self.under_way -= 1
            print('%s %s:%d  %s  =>  %s  (%s, %.0f s)' % (result if result == 'caught' else result.upper(), f, i + 1,
                  old.strip(), lines[i].strip(), by, time.monotonic() - begun), flush=True)

    def work(self, copy):
        while (place := self.next()) is not None:
            self.one(copy, place)


def main():
    argv = sys.argv[1:]
    cut = argv.index('--') if '--' in argv else len(argv)
    a = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1])
    a.add_argument('--seed', type=int, default=7)
    a.add_argument('--count', type=int, default=200)
    a.add_argument('--jobs', type=int, default=1)
    a.add_argument('--known')
    a.add_argument('--at', action='append', default=[])
    a.add_argument('names', nargs='+')
    o = a.parse_args(argv[:cut])
    tests = argv[cut + 1:] or sorted(os.path.basename(f)[:-2] for f in
                                     glob.glob(TOP + '/tests/unit/test_*.c') + glob.glob(TOP + '/tests/fault/*.c'))
    # It has steps of the ledger's schema of its own, which do not work with a shared core.
    tests = [t for t in tests if t != 'test_schema']
    known = {'enters': {}, 'seconds': {}, 'noticed': {}}
    if o.known and os.path.exists(o.known):
        known = json.load(open(o.known))
    copies = [Copy(tests) for _ in range(o.jobs)]
    try:
        if any(t not in known['enters'] or t not in known['seconds'] for t in tests):
            learn(copies[0], tests, known)
        places = [s for f in o.names for s in sites(f)]
        random.Random(o.seed).shuffle(places)
        if o.at:
            places = [s for s in places if '%s:%d' % (s[0], s[1] + 1) in o.at]
        print('%d places, seed %d' % (len(places), o.seed), flush=True)
        trial = Trial(places, o.count, known, tests)
        threads = [threading.Thread(target=trial.work, args=(c,)) for c in copies]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        s = trial.score
        tried = s['caught'] + s['survived'] + s['slow']
        print('caught %d of %d (%.1f %%), survived %d, slow %d; did not compile %d' %
              (s['caught'], tried, 100.0 * s['caught'] / max(tried, 1), s['survived'], s['slow'], s['not built']))
    finally:
        if o.known:
            json.dump(known, open(o.known, 'w'), indent=1)
        for c in copies:
            c.remove()


main()
