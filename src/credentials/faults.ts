import { ChatError } from '../chat/error.ts'
import type { KeptConfig, KeptValues } from '../config/apply-kept.ts'
import type { Config } from '../config/config.ts'
import { ownNameOf } from '../config/merge-kept.ts'

/** Limits for what is added at once, and for all that the state keeps. */
const maxAdded = 20
const maxKept = 500
/** Limit for the characters of a value. A browser's whole cookie header has at most 16 Ki or so. */
const maxLength = 65_536

/** Checks the form of variables that are to be added. @throws ChatError `invalid-request` */
export function checkVariables(variables: KeptValues): void {
  const entries = Object.entries(variables)
  if (entries.length === 0 || entries.length > maxAdded)
    throw faultOf('variables', `must have 1 to ${maxAdded} variables`)
  for (const [name, value] of entries) {
    // the name is not shown, because it may be a credential that was pasted there
    if (!isName(name)) throw faultOf('variables', 'has a name that is none of a variable, such as OPENAI_API_KEY')
    if (value.trim() === '') throw faultOf(name, 'has no text. Paste the credential')
    if (value.length > maxLength) throw faultOf(name, `has more than ${maxLength} characters`)
    const own = ownNameOf(name)
    if (own !== name) throw faultOf(name, `is another name of ${own}. Use that name`)
  }
}

function isName(text: string): boolean {
  return /^[A-Z][A-Z0-9_]{0,127}$/.test(text)
}

/** @throws ChatError `conflict` if the state would keep too much */
export function checkRoom(values: KeptValues): void {
  if (Object.keys(values).length > maxKept)
    throw new ChatError('conflict', { message: `The state has ${maxKept} variables already. Remove some.` })
}

/** @throws ChatError `conflict` if the state is stored without encryption */
export function refuseUnsealed({ state, stateSecrets }: Pick<Config, 'state' | 'stateSecrets'>): void {
  if (!state.isDurable || stateSecrets.secret || state.keyFile !== undefined) return
  throw new ChatError('conflict', {
    message:
      'The state is not encrypted, so it keeps no credentials. Set STATE_SECRET to what `openssl rand -hex 32` prints, with a new STATE_URL, and restart.',
    code: 'state_not_encrypted',
  })
}

/** @param problem as in `has no text` */
export function faultOf(variable: string, problem: string): ChatError {
  return new ChatError('invalid-request', {
    message: `${variable} ${problem}.`,
    param: variable,
    code: 'invalid_value',
  })
}

/** The reader's own problem with a variable, or with another one that it needs. */
export function misfit(name: string, { problems }: KeptConfig): ChatError {
  const found = problems.find(({ variable }) => variable === name) ?? problems[0]
  if (!found) return faultOf(name, 'does not fit the configuration')
  return faultOf(found.variable, `${found.problem}: ${found.remedy}`)
}

export function notOfUpstream(name: string): ChatError {
  return faultOf(
    name,
    'is not a variable of an upstream. Only credentials, addresses and models can be added while the gateway runs',
  )
}

export function environmentsOwn(name: string): ChatError {
  return new ChatError('conflict', {
    message: `${name} is set in the environment or in .env. Change it there, and reload.`,
    code: 'credential_in_environment',
  })
}

/** A key of an admin must not be enough to get the credentials of the gateway, by an address that asks for them. */
export function divertsCredentials(name: string, source: 'environment' | 'state'): ChatError {
  const [of, remedy, code] =
    source === 'environment'
      ? ['the environment', 'Set it in the environment or in .env, and reload', 'credential_in_environment']
      : ['the state', 'Remove those first, and add them again together with it', 'credential_exists']
  return new ChatError('conflict', {
    message: `${name} would change where or how credentials of ${of} are used. ${remedy}.`,
    code,
  })
}

export function existsAlready(name: string): ChatError {
  return new ChatError('conflict', {
    message: `The state has ${name} already. Replace it (PUT /admin/accounts/${name}), or add a number for a further account.`,
    code: 'credential_exists',
  })
}

export function unknownVariable(name: string): ChatError {
  const shown = isName(name) ? `variable ${name}` : 'such variable'
  return new ChatError('not-found', {
    message: `The state has no ${shown}. GET /admin/upstreams lists the accounts with their variables.`,
  })
}
