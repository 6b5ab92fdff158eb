import { describe, expect, test } from 'bun:test'
import type { ChatEvent } from '../chat/event.ts'
import { begin } from './begin.ts'
import { readAll, readyFlow, scriptedFlow } from './flow.double.ts'

const text = (said: string): ChatEvent => ({ type: 'text', choice: 0, part: 0, text: said })
const role = text('')
const finish: ChatEvent = { type: 'finish', choice: 0, reason: 'stop' }

describe('the commit point', () => {
  test('is the first batch with content, and the next batch has not been read', async () => {
    const flow = scriptedFlow([role], Promise.resolve([role, text('a')]), [text('b')])
    const begun = await begin(flow)
    expect(flow.reads).toBe(2)
    expect((await readAll(begun)).batches).toEqual([[role], [role, text('a')], [text('b')]])
  })

  test('is the end of the flow if no earlier batch has content', async () => {
    expect((await readAll(await begin(readyFlow([role])))).batches).toEqual([[role]])
    expect((await readAll(await begin(readyFlow<ChatEvent>()))).batches).toEqual([])
    expect((await readAll(await begin(readyFlow([finish])))).batches).toEqual([[finish]])
  })

  test('is the first event that is not a chat event', async () => {
    const flow = readyFlow([{ type: 'tool-output', text: '' }], [{ type: 'tool-output', text: 'a' }])
    await begin(flow)
    expect(flow.reads).toBe(1)
  })

  test('is not reached by a flow that fails before it', async () => {
    expect(begin(scriptedFlow<ChatEvent>([role], new Error('refused')))).rejects.toThrow('refused')
    const begun = await begin(scriptedFlow([text('a')], new Error('cut')))
    expect(await readAll(begun)).toEqual({ batches: [[text('a')]], thrown: new Error('cut') })
  })

  test('adds no promise for later batches that are ready', async () => {
    const begun = await begin(readyFlow([text('a')], [text('b')]))
    expect([begun.next(), begun.next(), begun.next()]).toEqual([[text('a')], [text('b')], undefined])
  })

  test('leaves nothing open if the flow is closed right after it', async () => {
    const flow = readyFlow([text('a')], [text('b')])
    const begun = await begin(flow)
    begun.close()
    expect(flow.closes).toBe(1)
    expect(begun.next()).toBeUndefined()
  })
})
