// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are what is read here

import { Secret } from '../chat/secret.ts'
import type { Environment } from './environment.ts'
import { toolVariable } from './read-tool-variable.ts'

export interface SubstituteOptions {
  readonly environment: Environment
  /** Where the text stands, for whoever has to mend it. */
  readonly place: string
  /** Takes what is wrong, and how to mend it. */
  report(problem: string, remedy: string): void
}

/** `$${` for `${` itself; `${NAME}`, `${env:NAME}`, either with `:-default`; and other words with a colon. */
const pattern = /\$\$\{|\$\{(?:(\w+):(?!-))?([^${}:]*)(?::-([^{}]*))?\}/g

/**
 * The text with variables of our environment in it, as other programs that are told of the same servers have it. One that
 * is not set, and has no default, is reported by its name.
 * @returns a secret where a value in it may be one: it is known for one by itself too
 */
export function substitute(text: string, { environment, place, report }: SubstituteOptions): Secret | string {
  let isSecret = false
  const filled = text.replace(
    pattern,
    (whole, kind: string | undefined, name: string, fallback: string | undefined) => {
      if (whole === '$${') return '${'
      if (kind !== undefined && kind !== 'env') {
        report(`has \${${kind}:…} at "${place}", which is not filled in here`, 'use ${env:NAME} and set that variable')
        return ''
      }
      // a shell's own ways, such as ${x%y}, are the shell's
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

/** The text itself. */
export function revealed(text: Secret | string): string {
  return text instanceof Secret ? text.reveal() : text
}
