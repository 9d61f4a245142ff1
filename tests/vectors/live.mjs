// SPDX-License-Identifier: ISC
// One JSON request a line on standard input, one JSON answer a line on standard output:
//   {"op":"sign","secret":PASERK,"claims":{…},"footer":TEXT}  {"token":…}
//   {"op":"verify","public":PASERK,"token":…,"now":TIME}      {"claims":{…},"footer":TEXT}
// The answer to what is refused is {"error":NAME}.
import readline from 'node:readline'
import { IMPLICIT, asGiven, bytes, v4 } from './v4.mjs'

const ops = {
  async sign({ secret, claims, footer }) {
    const key = await v4.ImportSecretKey(secret)
    const options = { ...asGiven, footer: bytes(footer), implicitAssertion: IMPLICIT }
    return { token: await v4.Sign(key, claims, options) }
  },
  async verify({ public: paserk, token, now }) {
    const key = await v4.ImportPublicKey(paserk)
    const options = { now: new Date(now), implicitAssertion: IMPLICIT }
    const { claims, footer } = await v4.Verify(key, token, options)
    return { claims, footer: new TextDecoder().decode(footer) }
  },
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  const answer = await ops[request.op](request).catch((e) => ({ error: e.name }))
  console.log(JSON.stringify(answer))
}
