import { describe, expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { aborted, newCancel } from '../../wire/machine.double.ts'
import type { SocketIoEvent } from '../../wire/socketio.ts'
import { AccountRuns } from './account-runs.ts'
import { RunReader } from './events.ts'

const fixtures = `${import.meta.dir}/fixtures`
const never = newCancel()

/** Reads a frame of Socket.IO as an event. */
function eventOf(frame: string): SocketIoEvent {
  const [name, ...values]: [string, ...unknown[]] = JSON.parse(frame.slice(2))
  return { name, values }
}

const chunk = (members: object): SocketIoEvent => ({ name: 'execution:chunk', values: [members] })
const end = (...values: unknown[]): SocketIoEvent => ({ name: 'completion_finished', values })
const textsOf = (events: Iterable<ChatEvent>) =>
  [...events]
    .filter(({ type }) => type !== 'part-end')
    .map((event) => (event.type === 'text' ? event.text : event.type === 'finish' ? `<${event.reason}>` : event.type))

/** Begins a run on an account with these runs. */
async function begin(runs: AccountRuns, id: string | undefined) {
  const pass = await runs.begin(never)
  const reader = new RunReader(runs, pass)
  reader.expect()
  reader.begin(id)
  const endRun = () => {
    runs.end(reader.owesEnd)
    pass()
  }
  return { reader, endRun }
}

async function readerOf(id: string | undefined): Promise<RunReader> {
  return (await begin(new AccountRuns(), id)).reader
}

function failureOf(act: () => unknown): ChatError {
  try {
    act()
  } catch (thrown) {
    if (thrown instanceof ChatError) return thrown
  }
  throw new Error('no ChatError')
}

describe('the events of', () => {
  for (const file of new Bun.Glob('*.frames.txt').scanSync({ cwd: fixtures }))
    for (const id of ['job-1', undefined])
      test(`${file}, ${id ? 'with its name' : 'without its name'}`, async () => {
        const frames = (await Bun.file(`${fixtures}/${file}`).text()).trimEnd().split('\n')
        // without a name the first run that appears counts as ours
        const own = id ? frames : frames.filter((frame) => !frame.includes('job-2'))
        const reader = await readerOf(id)
        const events = own.flatMap((frame) => reader.event(eventOf(frame)))
        expect(events).toEqual(await Bun.file(`${fixtures}/${file.replace('.frames.txt', '.events.json')}`).json())
        expect(reader.finished).toBe(true)
      })
})

describe('a run fails', () => {
  const failures: readonly (readonly [string, readonly SocketIoEvent[], object])[] = [
    [
      'with a message',
      [chunk({ error: 'Boom' })],
      { reason: 'upstream-failed', message: expect.stringContaining('Boom') },
    ],
    [
      'with a message in an object',
      [chunk({ status: 'failed', error: { message: 'Boom' } })],
      { reason: 'upstream-failed' },
    ],
    [
      'with a message in JSON',
      [{ name: 'execution:chunk', values: ['{"error":"Boom"}'] }],
      { reason: 'upstream-failed' },
    ],
    ['with a code', [chunk({ error: { code: 'content_filter' } })], { reason: 'content-filtered' }],
    ['with a rate limit', [chunk({ error: { type: 'rate_limit_error' } })], { reason: 'rate-limited' }],
    ['with a numeric code', [chunk({ error: { code: 429, message: 'Slow' } })], { reason: 'rate-limited' }],
    [
      'with a numeric code in a text',
      [end({ error: { status: '400', message: 'No' } })],
      { reason: 'invalid-request' },
    ],
    ['without a message', [chunk({ error: true })], { reason: 'upstream-failed' }],
    ['with an error in its end event', [end({ error: 'Boom' })], { reason: 'upstream-failed' }],
    ...['failed', 'error', 'cancelled', 'timeout'].map(
      (status) => [`with the status ${status}`, [chunk({ status })], { reason: 'upstream-failed' }] as const,
    ),
    ['with an empty text', [chunk({ status: 'completed', content: '' })], { code: 'upstream_empty_response' }],
    ['without any text', [end()], { code: 'upstream_empty_response' }],
    [
      'when a later text contradicts an earlier one',
      [chunk({ content: 'Hello' }), chunk({ content: 'Bye, world' })],
      { code: 'upstream_bad_response' },
    ],
    [
      'when the final text contradicts an earlier one',
      [chunk({ content: 'Hello' }), chunk({ content: 'Hell', status: 'completed' })],
      { code: 'upstream_bad_response' },
    ],
  ]
  for (const [how, events, error] of failures)
    test(how, async () => {
      const reader = await readerOf('job-1')
      expect(failureOf(() => events.flatMap((event) => reader.event(event)))).toMatchObject(error)
      expect(reader.finished).toBe(false)
    })

  test('an empty error is not a failure', async () => {
    const reader = await readerOf('job-1')
    for (const error of [null, '', false, 0, undefined])
      expect(reader.event(chunk({ content: 'Hello', error }))).toHaveLength(error === null ? 1 : 0)
  })

  test('an invalid event changes nothing', async () => {
    const reader = await readerOf('job-1')
    for (const payload of [undefined, null, 7, [], {}, [{ content: 'no' }], { content: 7 }, { executionId: {} }])
      expect(reader.event({ name: 'execution:chunk', values: [payload] })).toEqual([])
    expect(reader.event({ name: 'completion', values: [{ content: 'no' }] })).toEqual([])
    expect(textsOf(reader.event(chunk({ content: 'yes', status: 'done' })))).toEqual(['yes', '<stop>'])
    expect(reader.event(chunk({ content: 'no', error: 'late' }))).toEqual([])
  })
})

describe('before the name of a run is known', () => {
  test('its events wait', async () => {
    const runs = new AccountRuns()
    const reader = new RunReader(runs, await runs.begin(never))
    expect(reader.event(chunk({ executionId: 'job-1', content: 'not asked for yet' }))).toEqual([])
    reader.expect()
    for (const content of ['H', 'He', 'Hel']) expect(reader.event(chunk({ executionId: 'job-1', content }))).toEqual([])
    reader.event(chunk({ executionId: 'job-2', content: 'Bye' }))
    reader.event(chunk({ executionId: 'job-1', content: 'Hello', status: 'completed' }))
    expect(textsOf([...reader.begin('job-1')].flat())).toEqual(['H', 'e', 'l', 'lo', '<stop>'])
  })

  test('it fails if a waiting event reports a failure', async () => {
    const runs = new AccountRuns()
    const reader = new RunReader(runs, await runs.begin(never))
    reader.expect()
    reader.event(chunk({ executionId: 'job-1', error: 'Boom' }))
    expect(failureOf(() => [...reader.begin('job-1')])).toMatchObject({ reason: 'upstream-failed' })
  })

  test('it fails after the text that came before the failure', async () => {
    const runs = new AccountRuns()
    const reader = new RunReader(runs, await runs.begin(never))
    reader.expect()
    reader.event(chunk({ executionId: 'job-1', content: 'Hello' }))
    reader.event(chunk({ executionId: 'job-1', error: 'Boom' }))
    const events: ChatEvent[] = []
    const read = () => {
      for (const batch of reader.begin('job-1')) events.push(...batch)
    }
    expect(failureOf(read)).toMatchObject({ reason: 'upstream-failed' })
    expect(textsOf(events)).toEqual(['Hello'])
  })

  test('too many waiting events are an error, but older events of a growing text are dropped', async () => {
    const reader = new RunReader(new AccountRuns(), () => undefined)
    reader.expect()
    const content = 'x'.repeat(2 ** 20)
    for (let at = 0; at < 20; at++) reader.event(chunk({ executionId: `job-${at % 2}`, content }))
    const flood = () => {
      for (let at = 0; at < 20; at++) reader.event(chunk({ executionId: `job-${at}`, content }))
    }
    expect(failureOf(flood)).toMatchObject({ code: 'upstream_response_too_large' })
  })
})

describe('runs of one account', () => {
  /** Begins two runs. The first one has sent a text. */
  const beginBoth = async ({ isNamed } = { isNamed: true }) => {
    const runs = new AccountRuns()
    const first = await begin(runs, 'job-1')
    first.reader.event(chunk({ executionId: 'job-1', content: 'one' }))
    return { first, second: await begin(runs, isNamed ? 'job-2' : undefined) }
  }

  test('run side by side once their events have shown their names', async () => {
    const both = await beginBoth()
    const readAll = (event: SocketIoEvent) =>
      [both.first, both.second].map(({ reader }) => textsOf(reader.event(event)))
    expect(readAll(chunk({ executionId: 'job-1', content: 'one more' }))).toEqual([[' more'], []])
    expect(readAll(chunk({ executionId: 'job-2', content: 'two' }))).toEqual([[], ['two']])
    // an event without a name might belong to either run
    expect(readAll(chunk({ content: 'three' }))).toEqual([[], []])
    expect(readAll(end())).toEqual([[], []])
    expect(readAll(end({ executionId: 'job-2' }))).toEqual([[], ['<stop>']])
  })

  for (const [what, id, members] of [
    ['whose name is unknown', undefined, { executionId: 'job-1', content: 'one' }],
    ['whose events have no name', 'job-1', { content: 'one' }],
    ['that have sent nothing yet', 'job-1', { executionId: 'job-2', content: 'two' }],
  ] as const)
    test(`${what} run one after the other`, async () => {
      const runs = new AccountRuns()
      const first = await begin(runs, id)
      first.reader.event(chunk(members))
      const second = begin(runs, 'job-3').then(() => 'begun')
      expect(await Promise.race([second, Bun.sleep(5).then(() => 'waiting')])).toBe('waiting')
      first.endRun()
      expect(await second).toBe('begun')
    })

  test('whose second end event comes late do not end the next run', async () => {
    const { first, second } = await beginBoth()
    first.reader.event(chunk({ executionId: 'job-1', content: 'one', status: 'completed' }))
    first.endRun()
    expect(textsOf(second.reader.event(chunk({ executionId: 'job-2', content: 'two' })))).toEqual(['two'])
    expect(second.reader.event(end())).toEqual([])
    // another end event belongs to the second run
    expect(textsOf(second.reader.event(end()))).toEqual(['<stop>'])
  })

  test('whose events come late are still recognized', async () => {
    const { first, second } = await beginBoth({ isNamed: false })
    first.endRun()
    expect(second.reader.event(chunk({ executionId: 'job-1', content: 'one', status: 'completed' }))).toEqual([])
    expect(textsOf(second.reader.event(chunk({ executionId: 'job-2', content: 'two' })))).toEqual(['two'])
  })

  test('that are aborted while they wait do not block or overtake other runs', async () => {
    const runs = new AccountRuns()
    const first = await begin(runs, undefined)
    await expect(runs.begin(aborted(new Error('left')))).rejects.toThrow('left')
    const third = begin(runs, undefined).then(() => 'begun')
    expect(await Promise.race([third, Bun.sleep(5).then(() => 'waiting')])).toBe('waiting')
    first.endRun()
    expect(await third).toBe('begun')
    expect(runs.isIdle).toBe(false)
  })
})
