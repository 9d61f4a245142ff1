// SPDX-License-Identifier: ISC
// The v4.public part of npm paseto 4, found in the node_modules directory that
// NHI_PASETO_MODULES names (else ./node_modules).
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const modules = path.resolve(process.env.NHI_PASETO_MODULES || 'node_modules')
const require = createRequire(path.join(modules, 'from-here.js'))
const load = async (name) => await import(pathToFileURL(require.resolve(name)))

export const { PAE, InspectFooter, PublicProtocol } = await load('paseto')
const factories = await load('paseto/v4/public')

export const v4 = new PublicProtocol(
  factories.SignFactory,
  factories.VerifyFactory,
  factories.ImportPublicKeyFactory,
  factories.ImportSecretKeyFactory,
  factories.ExportPublicKeyFactory,
  factories.GetPublicKeyFactory,
)

// Our claims as they are: the library would otherwise add iat and exp of its own.
export const asGiven = { addIssuedAt: false }
export const bytes = (text) => new TextEncoder().encode(text)
export const IMPLICIT = bytes('nhi-ticket-v1')
