import { join, resolve } from 'node:path'
import type { Upstream } from '../providers/provider.ts'
import { memoryPlace } from '../state/memory/memory-place.ts'
import { sqlitePlace } from '../state/sqlite/sqlite-place.ts'
import type { StatePlace, StateSecrets } from '../state/state-place.ts'
import { storeKinds } from '../state/store-kinds.ts'
import type { Environment } from './environment.ts'

/** Where the state is kept, and the warnings about that. */
export interface ReadState {
  readonly state: StatePlace
  readonly secrets: StateSecrets
  readonly warnings: readonly string[]
}

const minSecretCharacters = 16
const forms = storeKinds.map(({ form }) => form).join(' or ')

/** Reads `STATE_URL` and `STATE_SECRET`, or the folder that systemd gives a service (`StateDirectory=`). */
export function readState(environment: Environment, upstreams: readonly Upstream[]): ReadState {
  const url = environment.text('STATE_URL')
  // a user and a password
  if (url !== undefined && /:\/\/[^/]*@/.test(url)) environment.hide('STATE_URL')
  const isSecretSet = environment.text('STATE_SECRET') !== undefined
  const secrets = readSecrets(environment)
  // systemd separates several folders by colons
  const folder = environment.text('STATE_DIRECTORY')?.split(':')[0]
  if (url === undefined && folder)
    return { state: sqlitePlace({ ...inFolder(folder), ...secrets }), secrets, warnings: [] }
  const state = url === undefined ? memoryPlace : readUrl(environment, url, secrets)
  const keepsAccounts = upstreams.some(hasRenewed)
  if (state.isDurable && keepsAccounts && !isSecretSet)
    environment.report({
      variable: 'STATE_SECRET',
      problem: 'is not set, but STATE_URL names a place that stores renewed credentials',
      remedy: 'set it to what `openssl rand -hex 32` prints, and keep it',
    })
  const losesAccounts = url === undefined && keepsAccounts
  return {
    state,
    secrets,
    warnings: losesAccounts ? [memoryWarning] : [],
  }
}

/** Reads both secrets. The previous one may be short: it was accepted once, or is a mistake that decrypts nothing. */
function readSecrets(environment: Environment): StateSecrets {
  const secret = environment.secret('STATE_SECRET')
  const previous = environment.secret('STATE_SECRET_PREVIOUS')
  if (secret && secret.reveal().length < minSecretCharacters)
    environment.report({
      variable: 'STATE_SECRET',
      problem: `has fewer than ${minSecretCharacters} characters`,
      remedy: 'for example what `openssl rand -hex 32` prints',
    })
  return { ...(secret && { secret }), ...(previous && { previous }) }
}

const memoryWarning =
  'Renewed credentials are kept in memory and are lost when the process ends: after a restart an account may need a new login. Set STATE_URL=sqlite:FILE (or redis://HOST) and STATE_SECRET to keep them (or STATE_URL=memory: to accept that).'

function inFolder(folder: string): { readonly file: string; readonly keyFile: string } {
  return { file: resolve(folder, 'tributary.db'), keyFile: resolve(join(folder, 'state.key')) }
}

function hasRenewed({ accounts, supply }: Upstream): boolean {
  return supply !== undefined || accounts.some(({ renewal }) => renewal !== undefined)
}

function readUrl(environment: Environment, url: string, secrets: StateSecrets): StatePlace {
  for (const kind of storeKinds) {
    const read = kind.read(url, secrets)
    if (!read) continue
    if (!('problem' in read)) return read
    environment.report({ variable: 'STATE_URL', ...read })
    return memoryPlace
  }
  environment.report({ variable: 'STATE_URL', problem: 'is not in one of the supported forms', remedy: forms })
  return memoryPlace
}
