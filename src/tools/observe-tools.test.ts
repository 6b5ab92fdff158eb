import { expect, test } from 'bun:test'
import { ChatError } from '../chat/error.ts'
import { createRegistry, createTool } from '../gateway/tool-loop/tools.double.ts'
import { newCancel } from '../wire/machine.double.ts'
import { observeTools } from './observe-tools.ts'

async function observed() {
  const runs: string[] = []
  const registry = createRegistry(
    createTool('files__read', () => 'text'),
    createTool('files__fail', () => ({ content: 'no', isError: true })),
    createTool('files__hang', () => new Promise<string>(() => undefined)),
    createTool('files__throw', () => Promise.reject(new ChatError('timeout', { message: 'late' }))),
  )
  const tools = observeTools(registry, [
    ({ tool, server }) => {
      runs.push(`${server}: ${tool} begins`)
      return ({ outcome, durationMs }) => void runs.push(`${tool} ${outcome} ${durationMs >= 0}`)
    },
    () => undefined,
  ])
  const listed = await tools.list(newCancel())
  const run = (name: string, signal = newCancel()) =>
    listed.find((tool) => tool.name === name)?.run({}, { signal, onChunk: () => undefined })
  return { runs, tools, run }
}

test('a run is told at its begin and at its end, with its outcome', async () => {
  const { runs, run } = await observed()
  expect(await run('files__read')).toEqual({ content: 'text', isError: false })
  await run('files__fail')
  expect(await run('files__throw')?.catch((thrown) => thrown.message)).toBe('late')
  expect(runs).toEqual([
    ...['files: files__read begins', 'files__read ok true'],
    ...['files: files__fail begins', 'files__fail tool_failed true'],
    ...['files: files__throw begins', 'files__throw upstream_timeout true'],
  ])
})

test('the run of a tool that ignores its signal ends with the signal, once', async () => {
  const { runs, run } = await observed()
  const signal = newCancel()
  void run('files__hang', signal)
  expect(runs).toEqual(['files: files__hang begins'])
  signal.abort(new ChatError('cancelled', { message: 'gone' }))
  expect(runs).toEqual(['files: files__hang begins', 'files__hang client_closed true'])
  expect(signal.followers).toBe(0)
})

test('the same tool is listed as the same tool', async () => {
  const { tools } = await observed()
  const [first, second] = [await tools.list(newCancel()), await tools.list(newCancel())]
  expect(first[0]).toBe(second[0])
})
