#!/usr/bin/env python3
"""Would the tests notice? One place of the source at a time is changed, and the tests have to fail.

usage: mutate.py [--seed N] [--count N] [--at FILE:LINE] FILE... -- TEST...

FILE: below libnhi/ or pam_nhi/. TEST: names of programs of tests/unit, tried in this order after those that noticed
something in the same file before. The tree is copied below TMPDIR, for which a tmpfs is best, and never touched. The core is built there as a
shared library, so that a change costs one object and one link.

Caught is a test that fails or crashes. One that takes 10 times as long as before is ended and said apart: it may be
slow, so it is no proof. What does not compile is no change, and another is drawn instead.
"""
import argparse, collections, os, random, re, shutil, subprocess, sys, tempfile, time

SWAPS = [(r'==', '!='), (r'!=', '=='), (r'(?<![<>-])<(?![<=])', '<='), (r'<=', '<'), (r'>=', '>'),
         (r'(?<![->])>(?![>=])', '>='), (r'&&', '||'), (r'\|\|', '&&'), (r'return NHI_DENY_\w+', 'return NHI_PERMIT'),
         (r'= NHI_DENY_\w+', '= NHI_PERMIT'), (r'\btrue\b', 'false'), (r'\bfalse\b', 'true'), (r' \+ ', ' - '),
         (r' - ', ' + '), (r'!(?=\w)', ''), (r'return NHI_ERR_\w+', 'return NHI_OK'), (r'return err', 'return NHI_OK'),
         (r'= NHI_ERR_\w+', '= NHI_OK')]
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def sites(path):
    """(file, line, from, to, instead) of each place that can be changed; not in comments, texts and directives."""
    found, comment = [], False
    for i, line in enumerate(open(path).read().split('\n')):
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


def run(argv, timeout=None, **more):
    """The status, or None when it took too long."""
    p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                         start_new_session=True, **more)
    try:
        return p.wait(timeout)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, 9)
        p.wait()
        return None


class Copy:
    def __init__(self, tests):
        self.dir = tempfile.mkdtemp(prefix='nhi-mutate-')
        for d in ('libnhi', 'pam_nhi', 'tests', 'packaging', 'Makefile', 'nhictl', 'nss_nhi', 'sshd_nhi', 'pam_trial'):
            to = os.path.join(self.dir, d)
            if os.path.isdir(os.path.join(TOP, d)):
                shutil.copytree(os.path.join(TOP, d), to)
            else:
                shutil.copy(os.path.join(TOP, d), to)
        os.chdir(self.dir)
        self.build = self.dir + '/build'
        self.flags = subprocess.run(['make', '-s', '--eval=print-flags: ; @echo $(ALLCFLAGS) ; echo $(CDB_PIC) $(CORE_LIBS) $(CONF_LIBS)',
                                     'print-flags', 'CFLAGS=-O0 -g -Wno-error -fvisibility=default'],
                                    check=True, capture_output=True, text=True).stdout.split('\n')
        self.cc = ['cc'] + self.flags[0].replace("'", '').split()
        self.libs = self.flags[1].split()
        lib = sorted(f for f in os.listdir('libnhi') if f.endswith('.c'))
        self.lib = ['libnhi/' + f for f in lib]
        self.pam = ['pam_nhi/' + f for f in sorted(os.listdir('pam_nhi')) if f.endswith('.c')]
        shared = ['tests/lib/' + f for f in sorted(os.listdir('tests/lib')) if f.endswith('.c')]
        os.makedirs(self.build + '/tests/unit')
        for f in self.lib + self.pam + shared + ['tests/unit/%s.c' % t for t in tests]:
            if not self.compile(f):
                sys.exit('mutate: %s does not compile' % f)
        self.link_lib()
        self.link_pam()
        for t in tests:
            subprocess.run(['cc', '-o', self.build + '/tests/unit/' + t] +
                           [self.obj(f) for f in ['tests/unit/%s.c' % t] + shared] +
                           ['-L' + self.build, '-Wl,-rpath,' + self.build, '-lnhi'] + self.libs +
                           ['-lcmocka', '-lpam', '-ldl', '-lpthread'], check=True)
        # What tests of the module find beside it.
        for t in ('libnss_nhi.so.2', 'nhictl', 'nhi-authorized-keys'):
            if os.path.exists(TOP + '/build/' + t):
                shutil.copy(TOP + '/build/' + t, self.build)

    def obj(self, f):
        return self.build + '/obj/' + f[:-2] + '.o'

    def compile(self, f):
        os.makedirs(os.path.dirname(self.obj(f)), exist_ok=True)
        return run(self.cc + ['-w', '-c', '-o', self.obj(f), f]) == 0

    def link_lib(self):
        subprocess.run(['cc', '-shared', '-o', self.build + '/libnhi.so'] + [self.obj(f) for f in self.lib] + self.libs, check=True)

    def link_pam(self):
        # Of its own copy of the core, as the real one has it.
        subprocess.run(['cc', '-shared', '-Wl,--version-script=pam_nhi/pam_nhi.map', '-Wl,-Bsymbolic', '-o',
                        self.build + '/pam_nhi.so'] + [self.obj(f) for f in self.pam + self.lib] + self.libs + ['-lpam'],
                       check=True)

    def rebuild(self, f):
        if not self.compile(f):
            return False
        if f.startswith('libnhi/'):
            self.link_lib()
        self.link_pam()
        return True

    def test(self, t, timeout=None):
        return run([self.build + '/tests/unit/' + t], timeout, env=dict(os.environ, BUILD=self.build))


def main():
    a = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1])
    a.add_argument('--seed', type=int, default=7)
    a.add_argument('--count', type=int, default=200)
    a.add_argument('--at', action='append', default=[])
    a.add_argument('names', nargs='+')
    argv = sys.argv[1:]
    if '--' not in argv:
        a.error('no tests')
    o = a.parse_args(argv[:argv.index('--')])
    tests = argv[argv.index('--') + 1:]
    c = Copy(tests)
    try:
        limit = {}
        for t in tests:
            begun = time.monotonic()
            if c.test(t, 600) != 0:
                sys.exit('mutate: %s fails as it is' % t)
            limit[t] = 10 * (time.monotonic() - begun) + 10
        all_sites = [s for f in o.names for s in sites(f)]
        random.Random(o.seed).shuffle(all_sites)
        if o.at:
            all_sites = [s for s in all_sites if '%s:%d' % (s[0], s[1] + 1) in o.at]
        print('%d places, seed %d' % (len(all_sites), o.seed), flush=True)
        score = collections.Counter()
        noticed = collections.defaultdict(collections.Counter)
        for f, i, begin, end, instead in all_sites:
            if score['caught'] + score['survived'] + score['slow'] == o.count:
                break
            source = open(f).read()
            lines = source.split('\n')
            old, lines[i] = lines[i], lines[i][:begin] + instead + lines[i][end:]
            open(f, 'w').write('\n'.join(lines))
            try:
                if not c.rebuild(f):
                    score['not built'] += 1
                    continue
                result = 'survived'
                for t in sorted(tests, key=lambda t: (-noticed[f][t], tests.index(t))):
                    rc = c.test(t, limit[t])
                    if rc is None:
                        result = 'slow'
                    elif rc != 0:
                        result = 'caught'
                        noticed[f][t] += 1
                        break
                score[result] += 1
                if result != 'caught':
                    print('%s %s:%d  %s  =>  %s' % (result.upper(), f, i + 1, old.strip(), lines[i].strip()), flush=True)
            finally:
                open(f, 'w').write(source)
                c.compile(f)
        tried = score['caught'] + score['survived'] + score['slow']
        print('caught %d of %d (%.1f %%), survived %d, slow %d; did not compile %d' %
              (score['caught'], tried, 100.0 * score['caught'] / max(tried, 1), score['survived'], score['slow'],
               score['not built']))
    finally:
        os.chdir('/')
        shutil.rmtree(c.dir)


main()
