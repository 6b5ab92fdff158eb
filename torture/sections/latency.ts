import { expect } from '../lab/failure.ts'
import { hello, Lab } from '../lab/lab.ts'
import type { Check, Section } from '../suite/check.ts'

/** The most that a gateway may add, in milliseconds. A person does not notice it. */
const mostMs = 100
const requests = { quick: 11, full: 200 } as const

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[values.length >> 1] ?? 0

/** The median of the times to the first event, or to the end if the answer is not streamed. */
async function medianMs(lab: Lab, isStream: boolean): Promise<number> {
  const times: number[] = []
  for (let at = 0; at < requests[lab.effort]; at++) {
    const { status, firstMs, conversation } = await lab.ask({ script: hello, isStream })
    expect(status === 200, `the status is ${status}`, conversation)
    times.push(firstMs)
  }
  return median(times)
}

/** Asks through the gateway, and the upstream itself. */
async function added(lab: Lab, isStream: boolean): Promise<string> {
  const through = await medianMs(lab, isStream)
  const { surface } = lab.lane
  const direct = new Lab(
    { url: `http://127.0.0.1:${lab.upstream.port}`, lanes: [] },
    { name: '', surface, model: 'm' },
    lab,
  )
  const ms = through - (await medianMs(direct, isStream))
  expect(ms < mostMs, `the gateway adds ${ms.toFixed(1)} ms`)
  return `${ms.toFixed(1)} ms`
}

const first: Check = {
  id: 'latency/first-event',
  claim: `The gateway adds less than ${mostMs} ms to the first event (median of requests one after the other).`,
  per: 'lane',
  run: (lab) => added(lab, true),
}

const whole: Check = {
  id: 'latency/not-streamed',
  claim: `The gateway adds less than ${mostMs} ms to an answer that is not streamed.`,
  per: 'lane',
  run: (lab) => added(lab, false),
}

export const latency: Section = { name: 'latency', title: 'Added latency', checks: [first, whole] }
