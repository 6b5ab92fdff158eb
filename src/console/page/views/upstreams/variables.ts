import type { Upstream } from './types.ts'

/**
 * The variable for a further account of an upstream: its usual one, or the first of `NAME_1`, `NAME_2` … that no account has.
 * @returns undefined if the upstream takes no credential
 */
export function nextVariable({ credential, accounts }: Upstream): string | undefined {
  if (!credential) return undefined
  const used = new Set(accounts.map(({ variable }) => variable))
  const base = credential.variable.replace(/_\d+$/, '')
  if (!used.has(base) && accounts.every(({ variable }) => variable === null)) return base
  for (let at = 1; ; at++) if (!used.has(`${base}_${at}`)) return `${base}_${at}`
}

/** The name of a server as it stands in variables: `my-lab` is `MY_LAB`; undefined if it cannot be one. */
export function variableName(server: string): string | undefined {
  return /^[a-z][a-z0-9_-]*$/i.test(server) ? server.toUpperCase().replace(/-/g, '_') : undefined
}

/** The variable with the models of a service, for the one with its key; undefined if it has none. */
export function modelsVariable(variable: string): string | undefined {
  const found = /^([A-Z0-9_]+)_(?:API_KEY|TOKEN)$/.exec(variable)
  return found ? `${found[1]}_MODELS` : undefined
}
