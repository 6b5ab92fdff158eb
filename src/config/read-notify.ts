import type { NotifySettings } from '../notify/target.ts'
import type { Environment } from './environment.ts'

/** Loaded when it is needed, as few gateways have a place for notifications. */
const targetReader = (): typeof import('../notify/read-target.ts') => require('../notify/read-target.ts')

const maxTargets = 10

/** Reads `NOTIFY_URL` and `NOTIFY_LEVEL`. Addresses are separated by blanks, line breaks or commas. */
export function readNotify(environment: Environment): NotifySettings {
  environment.hide('NOTIFY_URL')
  const written = environment.text('NOTIFY_URL')?.split(/[\s,;]+(?=[a-z+]+:\/\/)/i) ?? []
  const report = (problem: string, remedy: string) => environment.report({ variable: 'NOTIFY_URL', problem, remedy })
  if (written.length > maxTargets) report(`has more than ${maxTargets} addresses`, 'leave some out')
  const targets = written.flatMap((text) => {
    const read = targetReader().readTarget(text)
    if ('name' in read) return [read]
    report(read.problem, read.remedy)
    return []
  })
  return { targets, level: environment.choice('NOTIFY_LEVEL', ['urgent', 'warning'], { warn: 'warning' }) ?? 'warning' }
}
