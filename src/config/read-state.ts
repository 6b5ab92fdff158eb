import { join, resolve } from 'node:path'
import type { Upstream } from '../providers/provider.ts'
import type { StateConfig } from '../state/open-store.ts'
import type { Environment } from './environment.ts'

/** Where the state is kept, and what the operator should know of it. */
export interface ReadState {
  readonly state: StateConfig
  readonly warnings: readonly string[]
}

const minSecretCharacters = 16
const forms = 'memory: or sqlite:FILE'

/** Reads `STATE_URL` and `STATE_SECRET`; without them the folder that systemd gives a service (`StateDirectory=`). */
export function readState(environment: Environment, upstreams: readonly Upstream[]): ReadState {
  const url = environment.text('STATE_URL')
  const isSecretSet = environment.text('STATE_SECRET') !== undefined
  const secret = environment.secret('STATE_SECRET')
  // systemd separates several by colons
  const folder = environment.text('STATE_DIRECTORY')?.split(':')[0]
  if (secret && secret.reveal().length < minSecretCharacters)
    environment.report({
      variable: 'STATE_SECRET',
      problem: `has fewer than ${minSecretCharacters} characters`,
      remedy: 'for example what `openssl rand -hex 32` prints',
    })
  if (url === undefined && folder)
    return { state: { kind: 'sqlite', ...inFolder(folder), ...(secret && { secret }) }, warnings: [] }
  const state = parseUrl(environment, url ?? 'memory:')
  const keepsAccounts = upstreams.some(hasRenewed)
  if (state.kind === 'sqlite' && keepsAccounts && !isSecretSet)
    environment.report({
      variable: 'STATE_SECRET',
      problem: 'is not set, while STATE_URL names a file and renewed credentials are kept in it',
      remedy: 'set it to what `openssl rand -hex 32` prints, and keep it',
    })
  const isForgetful = url === undefined && keepsAccounts
  return {
    state: state.kind === 'sqlite' && secret ? { ...state, secret } : state,
    warnings: isForgetful ? [forgetful] : [],
  }
}

const forgetful =
  'Renewed credentials are kept in memory and die with the process: after a restart an account may need a new login. Set STATE_URL=sqlite:FILE and STATE_SECRET to keep them (STATE_URL=memory: if it is meant so).'

function inFolder(folder: string): { readonly file: string; readonly keyFile: string } {
  return { file: resolve(folder, 'tributary.db'), keyFile: resolve(join(folder, 'state.key')) }
}

function hasRenewed({ accounts, supply }: Upstream): boolean {
  return supply !== undefined || accounts.some(({ renewal }) => renewal !== undefined)
}

function parseUrl(environment: Environment, url: string): StateConfig {
  if (memoryForms.test(url)) return { kind: 'memory' }
  const path = pathIn(url)
  if (path !== undefined && !/^~|\?/.test(path)) return { kind: 'sqlite', file: resolve(path) }
  environment.report({ variable: 'STATE_URL', ...problemOf(url) })
  return { kind: 'memory' }
}

const memoryForms = /^(memory(:(\/\/)?)?|(sqlite3?:(\/\/\/?)?)?:memory:)$/i

/** `sqlite:FILE` in all the ways it is written elsewhere: `sqlite:///a` is the absolute path, as in any other URL. */
function pathIn(url: string): string | undefined {
  const [, slashes = '', path] = /^(?:sqlite3?|file):(\/*)(.*)$/i.exec(url) ?? []
  // a path without a scheme says as clearly what is meant
  if (path === undefined) return /^(\/|\.\.?\/)|^[^:]+\.(db|sqlite3?)$/i.test(url) ? url : undefined
  if (path === '') return undefined
  return slashes.length === 0 || slashes.length === 2 ? path : `/${path}`
}

function problemOf(url: string): { readonly problem: string; readonly remedy: string } {
  const remedy = 'for example sqlite:/var/lib/tributary/tributary.db'
  if (/^(rediss?|valkeys?)(\+\w+)?:/i.test(url))
    return { problem: 'names a Redis, which does not work yet', remedy: forms }
  if (/^(sqlite3?|file):\/*~/i.test(url)) return { problem: 'begins with ~, which only a shell expands', remedy }
  if (/^(sqlite3?|file):.*\?/i.test(url)) return { problem: 'has parameters, and there are none here', remedy }
  if (/^(sqlite3?|file):/i.test(url)) return { problem: 'names no file after its colon', remedy }
  return { problem: 'is none of the forms it may have', remedy: forms }
}
