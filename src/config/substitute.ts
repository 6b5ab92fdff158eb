// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this file reads such placeholders

import { Secret } from '../chat/secret.ts'
import type { Environment } from './environment.ts'
import { toolVariable } from './read-tool-variable.ts'

export interface SubstituteOptions {
  readonly environment: Environment
  /** The place of the text, for the message to the operator. */
  readonly place: string
  /** Receives a problem and its remedy. */
  report(problem: string, remedy: string): void
}

/**
 * Matches `$${` for a literal `${`, `${NAME}` and `${env:NAME}`, both also with `:-default`, and other words with a
 * colon.
 */
const pattern = /\$\$\{|\$\{(?:(\w+):(?!-))?([^${}:]*)(?::-([^{}]*))?\}/g

/**
 * Replaces the variables of our environment in a text, in the same way as other programs that read such a list of
 * servers. A variable that is not set and has no default is reported by its name.
 * @returns a secret if one of the values may be a secret; that value alone becomes a secret too
 */
export function substitute(text: string, { environment, place, report }: SubstituteOptions): Secret | string {
  let isSecret = false
  const filled = text.replace(
    pattern,
    (whole, kind: string | undefined, name: string, fallback: string | undefined) => {
      if (whole === '$${') return '${'
      if (kind !== undefined && kind !== 'env') {
        report(`has \${${kind}:…} at "${place}", which is not supported`, 'use ${env:NAME} and set that variable')
        return ''
      }
      // other shell syntax, such as ${x%y}, is left to the shell
      if (!/^[A-Za-z_]\w*$/.test(name)) return whole
      const value = environment.text(name)
      isSecret ||= value !== undefined && toolVariable(name, value) instanceof Secret
      if (value === undefined && fallback === undefined)
        report(`uses \${${name}} at "${place}", which is not set`, `set ${name}, or give it a default: \${${name}:-…}`)
      return value ?? fallback ?? ''
    },
  )
  return isSecret ? new Secret(filled) : filled
}

/** The text of a secret or a string. */
export function reveal(text: Secret | string): string {
  return text instanceof Secret ? text.reveal() : text
}
