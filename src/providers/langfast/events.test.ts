import { describe, expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { aborted, newCancel } from '../../wire/machine.double.ts'
import type { SocketIoEvent } from '../../wire/socketio.ts'
import { AccountRuns } from './account-runs.ts'
import { RunReader } from './events.ts'

const fixtures = `${import.meta.dir}/fixtures`
const never = newCancel()

/** A frame of Socket.IO, as the event it is. */
function eventOf(frame: string): SocketIoEvent {
  const [name, ...values]: [string, ...unknown[]] = JSON.parse(frame.slice(2))
  return { name, values }
}

const chunk = (members: object): SocketIoEvent => ({ name: 'execution:chunk', values: [members] })
const end = (...values: unknown[]): SocketIoEvent => ({ name: 'completion_finished', values })
const told = (events: Iterable<ChatEvent>) =>
  [...events]
    .filter(({ type }) => type !== 'part-end')
    .map((event) => (event.type === 'text' ? event.text : event.type === 'finish' ? `<${event.reason}>` : event.type))

/** A run that has begun, on an account of which these are all. */
async function begin(runs: AccountRuns, id: string | undefined) {
  const pass = await runs.begin(never)
  const reader = new RunReader(runs, pass)
  reader.expect()
  reader.begin(id)
  const over = () => {
    runs.end(reader.owesEnd)
    pass()
  }
  return { reader, over }
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
      test(`${file}, ${id ? 'told its name' : 'not told its name'}`, async () => {
        const frames = (await Bun.file(`${fixtures}/${file}`).text()).trimEnd().split('\n')
        // without a name the first that comes is taken for ours
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
      'that says why',
      [chunk({ error: 'Boom' })],
      { reason: 'upstream-failed', message: expect.stringContaining('Boom') },
    ],
    ['in an object', [chunk({ status: 'failed', error: { message: 'Boom' } })], { reason: 'upstream-failed' }],
    ['in JSON', [{ name: 'execution:chunk', values: ['{"error":"Boom"}'] }], { reason: 'upstream-failed' }],
    ['by a word', [chunk({ error: { code: 'content_filter' } })], { reason: 'content-filtered' }],
    ['by a limit', [chunk({ error: { type: 'rate_limit_error' } })], { reason: 'rate-limited' }],
    ['by a number', [chunk({ error: { code: 429, message: 'Slow' } })], { reason: 'rate-limited' }],
    ['by a number in a text', [end({ error: { status: '400', message: 'No' } })], { reason: 'invalid-request' }],
    ['without a word', [chunk({ error: true })], { reason: 'upstream-failed' }],
    ['by its end', [end({ error: 'Boom' })], { reason: 'upstream-failed' }],
    ...['failed', 'error', 'cancelled', 'timeout'].map(
      (status) => [`by the status ${status}`, [chunk({ status })], { reason: 'upstream-failed' }] as const,
    ),
    ['when it says nothing', [chunk({ status: 'completed', content: '' })], { code: 'upstream_empty_response' }],
    ['when it only ends', [end()], { code: 'upstream_empty_response' }],
    [
      'when it takes back what it said',
      [chunk({ content: 'Hello' }), chunk({ content: 'Bye, world' })],
      { code: 'upstream_bad_response' },
    ],
    [
      'when it takes it back at its end',
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

  test('but no error is none', async () => {
    const reader = await readerOf('job-1')
    for (const error of [null, '', false, 0, undefined])
      expect(reader.event(chunk({ content: 'Hello', error }))).toHaveLength(error === null ? 1 : 0)
  })

  test('and what is none of its events changes nothing', async () => {
    const reader = await readerOf('job-1')
    for (const payload of [undefined, null, 7, [], {}, [{ content: 'no' }], { content: 7 }, { executionId: {} }])
      expect(reader.event({ name: 'execution:chunk', values: [payload] })).toEqual([])
    expect(reader.event({ name: 'completion', values: [{ content: 'no' }] })).toEqual([])
    expect(told(reader.event(chunk({ content: 'yes', status: 'done' })))).toEqual(['yes', '<stop>'])
    expect(reader.event(chunk({ content: 'no', error: 'late' }))).toEqual([])
  })
})

describe('before a run has its name', () => {
  test('what comes waits', async () => {
    const runs = new AccountRuns()
    const reader = new RunReader(runs, await runs.begin(never))
    expect(reader.event(chunk({ executionId: 'job-1', content: 'not asked for yet' }))).toEqual([])
    reader.expect()
    for (const content of ['H', 'He', 'Hel']) expect(reader.event(chunk({ executionId: 'job-1', content }))).toEqual([])
    reader.event(chunk({ executionId: 'job-2', content: 'Bye' }))
    reader.event(chunk({ executionId: 'job-1', content: 'Hello', status: 'completed' }))
    expect(told([...reader.begin('job-1')].flat())).toEqual(['H', 'e', 'l', 'lo', '<stop>'])
  })

  test('it fails when its waiting events say so', async () => {
    const runs = new AccountRuns()
    const reader = new RunReader(runs, await runs.begin(never))
    reader.expect()
    reader.event(chunk({ executionId: 'job-1', error: 'Boom' }))
    expect(failureOf(() => [...reader.begin('job-1')])).toMatchObject({ reason: 'upstream-failed' })
  })

  test('it fails after the words that came before that', async () => {
    const runs = new AccountRuns()
    const reader = new RunReader(runs, await runs.begin(never))
    reader.expect()
    reader.event(chunk({ executionId: 'job-1', content: 'Hello' }))
    reader.event(chunk({ executionId: 'job-1', error: 'Boom' }))
    const said: ChatEvent[] = []
    const read = () => {
      for (const batch of reader.begin('job-1')) said.push(...batch)
    }
    expect(failureOf(read)).toMatchObject({ reason: 'upstream-failed' })
    expect(told(said)).toEqual(['Hello'])
  })

  test('too much is too much, but of texts that grow only the newest wait', async () => {
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
  /** Two of them, the first of which has said something. */
  const beginBoth = async ({ isTold } = { isTold: true }) => {
    const runs = new AccountRuns()
    const first = await begin(runs, 'job-1')
    first.reader.event(chunk({ executionId: 'job-1', content: 'one' }))
    return { first, second: await begin(runs, isTold ? 'job-2' : undefined) }
  }

  test('run side by side once it is seen that events say whose they are', async () => {
    const both = await beginBoth()
    const hear = (event: SocketIoEvent) => [both.first, both.second].map(({ reader }) => told(reader.event(event)))
    expect(hear(chunk({ executionId: 'job-1', content: 'one more' }))).toEqual([[' more'], []])
    expect(hear(chunk({ executionId: 'job-2', content: 'two' }))).toEqual([[], ['two']])
    // nobody's: it might be of either
    expect(hear(chunk({ content: 'three' }))).toEqual([[], []])
    expect(hear(end())).toEqual([[], []])
    expect(hear(end({ executionId: 'job-2' }))).toEqual([[], ['<stop>']])
  })

  for (const [what, id, members] of [
    ['whose name is not told', undefined, { executionId: 'job-1', content: 'one' }],
    ['whose events do not say it', 'job-1', { content: 'one' }],
    ['that have said nothing yet', 'job-1', { executionId: 'job-2', content: 'two' }],
  ] as const)
    test(`${what} run one after the other`, async () => {
      const runs = new AccountRuns()
      const first = await begin(runs, id)
      first.reader.event(chunk(members))
      const second = begin(runs, 'job-3').then(() => 'begun')
      expect(await Promise.race([second, Bun.sleep(5).then(() => 'waiting')])).toBe('waiting')
      first.over()
      expect(await second).toBe('begun')
    })

  test('whose second end comes late does not end the next', async () => {
    const { first, second } = await beginBoth()
    first.reader.event(chunk({ executionId: 'job-1', content: 'one', status: 'completed' }))
    first.over()
    expect(told(second.reader.event(chunk({ executionId: 'job-2', content: 'two' })))).toEqual(['two'])
    expect(second.reader.event(end())).toEqual([])
    // a second one is its own
    expect(told(second.reader.event(end()))).toEqual(['<stop>'])
  })

  test('whose events come late are known for theirs', async () => {
    const { first, second } = await beginBoth({ isTold: false })
    first.over()
    expect(second.reader.event(chunk({ executionId: 'job-1', content: 'one', status: 'completed' }))).toEqual([])
    expect(told(second.reader.event(chunk({ executionId: 'job-2', content: 'two' })))).toEqual(['two'])
  })

  test('that are left while they wait keep nobody from their turn, and take nobody over', async () => {
    const runs = new AccountRuns()
    const first = await begin(runs, undefined)
    await expect(runs.begin(aborted(new Error('left')))).rejects.toThrow('left')
    const third = begin(runs, undefined).then(() => 'begun')
    expect(await Promise.race([third, Bun.sleep(5).then(() => 'waiting')])).toBe('waiting')
    first.over()
    expect(await third).toBe('begun')
    expect(runs.isIdle).toBe(false)
  })
})
