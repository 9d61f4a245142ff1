// SPDX-License-Identifier: ISC
// Writes golden.json, from npm paseto 4 and node's own Ed25519: nothing of ours takes part.
//   NHI_PASETO_MODULES=DIR/node_modules node tests/vectors/make-golden.mjs >tests/vectors/golden.json
import crypto from 'node:crypto'
import { IMPLICIT, PAE, asGiven, bytes, v4 } from './v4.mjs'

const SEED = Buffer.from(Array.from({ length: 32 }, (_, i) => 0x40 + i))
const HEADER = 'v4.public.'
const SIZES = [0, 1, 255, 256, 257, 65536]

const nodeKey = crypto.createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), SEED]),
  format: 'der',
  type: 'pkcs8',
})
const rawPublic = crypto
  .createPublicKey(nodeKey)
  .export({ format: 'der', type: 'spki' })
  .subarray(-32)
const secretText = 'k4.secret.' + Buffer.concat([SEED, rawPublic]).toString('base64url')
const secretKey = await v4.ImportSecretKey(secretText)
const publicText = await v4.ExportPublicKey(await v4.GetPublicKey(secretKey))

// Every byte value appears, NUL included. test_paseto.c makes the same bytes.
const pattern = (len) => Uint8Array.from({ length: len }, (_, i) => (i * 7 + 3) & 0xff)

// A message that the library signs must be a JSON object; shorter ones cannot be.
const message = (len) => (len < 8 ? 'x'.repeat(len) : `{"d":"${'x'.repeat(len - 8)}"}`)

function frame(msg, footer, implicit) {
  const signature = crypto.sign(null, PAE([bytes(HEADER), msg, footer, implicit]), nodeKey)
  const body = Buffer.concat([msg, signature]).toString('base64url')
  return HEADER + body + (footer.length > 0 ? '.' + Buffer.from(footer).toString('base64url') : '')
}

async function piece(messageLen, footerLen, implicitLen) {
  const text = message(messageLen)
  const footer = pattern(footerLen)
  const implicit = pattern(implicitLen)
  let token = frame(bytes(text), footer, implicit)
  let by = 'paseto PAE, node Ed25519'
  if (messageLen >= 8) {
    const options = { ...asGiven, nonExpiring: true, footer, implicitAssertion: implicit }
    const whole = await v4.Sign(secretKey, JSON.parse(text), options)
    if (whole !== token) throw new Error('the library and its own PAE disagree')
    token = whole
    by = 'paseto'
  }
  const sha256 = crypto.createHash('sha256').update(token).digest('hex')
  return { message: messageLen, footer: footerLen, implicit: implicitLen, by, sha256 }
}

const least = {
  jti: 'AAECAwQFBgcICQoLDA0ODw',
  sub: 'builder',
  task: 'CHG-4711',
  aud: 'web1.example.org',
  acc: 'deploy',
  svc: 'sshd',
  iat: '2026-11-23T22:05:00Z',
  exp: '2026-11-23T23:05:00Z',
}
const most = {
  ...least,
  acc: 'builder deploy',
  svc: 'sshd sudo',
  nbf: '2026-11-23T22:06:00Z',
  cnf: rawPublic.toString('base64url'),
  use: 1000000,
  par: '_____________________w',
}

// Short enough that we mint it too.
const mostAndShort = { ...most, sub: 'bld', task: 'T-1', aud: 'w1', acc: 'bld', svc: 'sshd' }

async function ticket(name, kid, claims) {
  const footer = bytes(`{"kid":"${kid}"}`)
  const options = { ...asGiven, footer, implicitAssertion: IMPLICIT }
  const token = await v4.Sign(secretKey, claims, options)
  return { name, kid, claims, payload: JSON.stringify(claims), token }
}

// Signed by the right key for something else: each must be refused.
async function foreign(name, footer, implicitAssertion) {
  const token = await v4.Sign(secretKey, least, { ...asGiven, footer, implicitAssertion })
  return { name, token }
}

const out = {
  secret: secretText,
  public: publicText,
  pieces: [],
  tickets: [
    await ticket('required claims', 'main', least),
    await ticket('every claim', 'k2026.1-b_c', most),
    await ticket('every claim, briefly', 'k', mostAndShort),
    await ticket('longest key name', '0123456789abcdef', least),
    await ticket('claims in reverse', 'main', Object.fromEntries(Object.entries(most).reverse())),
  ],
  refused: [
    await foreign('no footer', bytes(''), IMPLICIT),
    await foreign('no implicit assertion', bytes('{"kid":"main"}'), bytes('')),
    await foreign('another implicit assertion', bytes('{"kid":"main"}'), bytes('nhi-ticket-v2')),
    await foreign('footer with a space', bytes('{"kid": "main"}'), IMPLICIT),
    await foreign('footer with two keys', bytes('{"kid":"main","x":"y"}'), IMPLICIT),
    await foreign('footer with an upper-case name', bytes('{"kid":"Main"}'), IMPLICIT),
    await foreign('footer with an empty name', bytes('{"kid":""}'), IMPLICIT),
    await foreign('footer with a name of 17', bytes('{"kid":"0123456789abcdefg"}'), IMPLICIT),
    await foreign('footer with a NUL', bytes('{"kid":"ma\0in"}'), IMPLICIT),
  ],
}
for (const n of SIZES) {
  out.pieces.push(await piece(n, 0, 13))
  out.pieces.push(await piece(9, n, 13))
  out.pieces.push(await piece(9, 0, n))
}
out.pieces.push(await piece(256, 256, 256))
console.log(JSON.stringify(out, null, 1))
