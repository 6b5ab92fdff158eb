import { expect, test } from 'bun:test'
import { newCancel } from '../wire/machine.double.ts'
import { currentTime } from './builtin.ts'
import { type InProcessTool, inProcess } from './in-process.ts'

const never = newCancel()
const ignore = () => undefined
const summer = Date.UTC(2026, 6, 1, 22, 30, 5)
const time = inProcess(currentTime(() => summer))
const askTime = (args: Record<string, unknown>) => time.run(args, { signal: never, onChunk: ignore })

test('the current time is given in UTC or in any time zone', async () => {
  expect(time.name).toBe('builtin__current_time')
  expect(await askTime({})).toEqual({ content: '2026-07-01T22:30:05+00:00 (Wednesday, UTC)', isError: false })
  expect((await askTime({ timezone: 'Europe/Berlin' })).content).toBe(
    '2026-07-02T00:30:05+02:00 (Thursday, Europe/Berlin)',
  )
  expect((await askTime({ timezone: 'America/New_York' })).content).toBe(
    '2026-07-01T18:30:05-04:00 (Wednesday, America/New_York)',
  )
  expect((await askTime({ timezone: 'Asia/Kathmandu' })).content).toStartWith('2026-07-02T04:15:05+05:45')
})

test('an unknown time zone is an error for the model', async () => {
  for (const timezone of ['Mars/Phobos', '', 7, null, 'x'.repeat(1000)])
    expect(await askTime({ timezone })).toMatchObject({ isError: true })
})

const tool = (run: InProcessTool['run']) =>
  inProcess({ name: 'own', description: 'Ours.', parameters: {}, supportsStreaming: true, run })

test('a tool in the program sends its partial output, and nothing after its end', async () => {
  const chunks: string[] = []
  let late: (text: string) => void = ignore
  const streaming = tool(async (_args, { onChunk }) => {
    onChunk('one')
    onChunk('two')
    late = onChunk
    return { content: 'done', isError: false }
  })
  const onChunk = (text: string) => void chunks.push(text)
  expect(await streaming.run({}, { signal: never, onChunk })).toEqual({ content: 'done', isError: false })
  late('three')
  expect(chunks).toEqual(['one', 'two'])
})

test('an error of a tool becomes its outcome, but an abort stays an abort', async () => {
  const failing = tool(() => Promise.reject(new Error('no such city')))
  expect(await failing.run({}, { signal: never, onChunk: ignore })).toEqual({ content: 'no such city', isError: true })
  const leaving = newCancel()
  const gone = new Error('the client left')
  const waiting = tool((_args, { signal }) => new Promise((_resolve, reject) => signal.onAbort(reject)))
  const run = waiting.run({}, { signal: leaving, onChunk: ignore })
  leaving.abort(gone)
  expect(await run.catch((thrown: unknown) => thrown)).toBe(gone)
})
