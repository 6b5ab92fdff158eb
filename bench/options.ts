import { parseArgs } from 'node:util'
import type { Run } from './figure.ts'

/** How much is measured. */
export type Effort = Omit<Run, 'proxyCores'>
export type Options = { readonly isQuick: boolean; readonly effort: Effort; readonly only: string }

const whole: Effort = { rounds: (rounds) => rounds, windowMs: (windowMs) => windowMs, count: (count) => count }

const quick: Effort = {
  rounds: (rounds) => Math.max(2, Math.round(rounds * 0.4)),
  windowMs: (windowMs) => windowMs * 0.5,
  count: (count) => Math.ceil(count / 5),
}

/** @throws TypeError for an unknown flag */
export function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: { quick: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
  })
  return { isQuick: values.quick, effort: values.quick ? quick : whole, only: values.only.toLowerCase() }
}
