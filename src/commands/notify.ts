import { asChatError } from '../chat/error.ts'
import type { Config } from '../config/config.ts'
import { CancelSource } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { sendNotification } from '../notify/send-notification.ts'
import { hostName } from './host-name.ts'
import { table } from './table.ts'

interface NotifyOptions {
  readonly isJson: boolean
  readonly runtime: Runtime
}

/** Sends a test to every place of `NOTIFY_URL`. @returns 1 if there is none, or one of them did not take it */
export async function notify({ notify: { targets } }: Config, { isJson, runtime }: NotifyOptions): Promise<number> {
  const signal = new CancelSource(runtime)
  const test = { news: [], at: runtime.now(), host: hostName(), isTest: true } as const
  const results = await Promise.all(
    targets.map(async (target) => {
      const why = await sendNotification(target, test, signal).then(
        () => '',
        (thrown: unknown) => asChatError(thrown).message,
      )
      return { place: target.name, works: why === '', why }
    }),
  )
  const works = results.length > 0 && results.every((result) => result.works)
  const { isTTY, columns } = process.stdout
  const rows = results.map((result) => [result.place, result.works ? 'works' : 'failed', result.why])
  if (isJson) process.stdout.write(`${JSON.stringify({ works, places: results }, undefined, 2)}\n`)
  else if (results.length === 0) process.stderr.write('There is no place to notify: set NOTIFY_URL.\n')
  else process.stdout.write(table(['place', 'state', 'why'], rows, isTTY ? columns : undefined))
  return works ? 0 : 1
}
