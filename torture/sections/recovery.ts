import { Failure } from '../lab/failure.ts'
import { hello, type Lab } from '../lab/lab.ts'
import { sleep } from '../lab/waiting.ts'
import type { Check, Section } from '../suite/check.ts'
import type { Script } from '../upstream/exchange.ts'

const wellMs = { quick: 12_000, full: 60_000 } as const

/** Waits until a client gets an answer again. */
async function untilAnswered(lab: Lab): Promise<string> {
  const ms = wellMs[lab.effort]
  const begun = performance.now()
  let status = 0
  for (let waitMs = 20; performance.now() - begun < ms; waitMs = Math.min(500, waitMs * 2)) {
    status = (await lab.ask({ isStream: false })).status
    if (status === 200) return `answered ${Math.round(performance.now() - begun)} ms after`
    await sleep(waitMs)
  }
  throw new Failure(`${ms / 1000} s after the upstream is well again, the status is still ${status}`)
}

const afterFailures: Check = {
  id: 'recovery/after-failures',
  claim: 'An upstream that has failed 20 times is asked again when it is well, within 12 s (with --full 60 s).',
  per: 'gateway',
  spoils: true,
  async run(lab) {
    const script: Script = (exchange) => exchange.fail(500, { message: 'It is ill.', type: 'server_error' })
    for (let at = 0; at < 20; at++) await lab.ask({ script, isStream: false })
    return await untilAnswered(lab)
  },
}

const afterRestart: Check = {
  id: 'recovery/after-restart',
  claim:
    'An upstream that breaks all its connections, as a restart does, is asked again within 12 s (with --full 60 s).',
  per: 'surface',
  spoils: true,
  async run(lab) {
    const script: Script = async (exchange) => {
      if (exchange.attempt > 0) return await exchange.answer(hello)
      await exchange.beginStream()
      await exchange.closed
    }
    const running = Array.from({ length: 10 }, () => lab.begin({ script }))
    for (const one of running) await lab.asked(one)
    lab.upstream.dropAll()
    for (const one of running) await lab.finish(one)
    return await untilAnswered(lab)
  },
}

export const recovery: Section = {
  name: 'recovery',
  title: 'Upstreams that come back',
  checks: [afterFailures, afterRestart],
}
