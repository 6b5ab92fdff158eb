import { describe, expect, test } from 'bun:test'
import { readAll, readyFlow, scriptedFlow, silentFlow } from './flow.double.ts'
import { readAhead } from './read-ahead.ts'

interface Text {
  readonly type: 'text'
  readonly choice: 0
  readonly text: string
}

const said = (text: string): Text => ({ type: 'text', choice: 0, text })
const bySize = { maxSize: 3, sizeOf: ({ text }: Text) => text.length }
const turn = () => new Promise(setImmediate)

describe('a flow that is read ahead', () => {
  test('collects batches for its reader, up to its bound', async () => {
    const source = readyFlow([said('a')], [said('b')], [said('cd')], [said('e')])
    const flow = readAhead(() => source, bySize)
    await turn()
    expect(source.reads).toBe(3)
    expect(flow.next()).toEqual([said('a'), said('b'), said('cd')])
    expect((await readAll(flow)).batches).toEqual([[said('e')]])
  })

  test('reports that it has begun, or that it failed before', async () => {
    await readAhead(() => readyFlow([said('')], [said('a')]), bySize).begun
    await readAhead(() => readyFlow<Text>(), bySize).begun
    const failing = readAhead(() => scriptedFlow([said('')], new Error('refused')), bySize)
    expect(failing.begun).rejects.toThrow('refused')
    expect((await readAll(failing)).thrown).toEqual(new Error('refused'))
    const unopened = readAhead<Text>(() => {
      throw new Error('unsupported')
    }, bySize)
    expect(unopened.begun).rejects.toThrow('unsupported')
  })

  test('fails after its reader has taken the batches before the failure', async () => {
    const flow = readAhead(() => scriptedFlow([said('a')], new Error('cut')), bySize)
    await flow.begun
    expect(await readAll(flow)).toEqual({ batches: [[said('a')]], thrown: new Error('cut') })
  })

  test('closes its source when it is closed, even while its reader waits', async () => {
    const source = silentFlow([said('a')])
    const flow = readAhead(() => source, bySize)
    await flow.begun
    await flow.next()
    const pending = flow.next()
    flow.close()
    flow.close()
    expect(await pending).toBeUndefined()
    expect(source.closes).toBe(1)
  })

  test('stops reading if it is closed while it waits for room', async () => {
    const source = readyFlow([said('abcdef')], [said('g')])
    const flow = readAhead(() => source, bySize)
    await turn()
    flow.close()
    await turn()
    expect([source.reads, source.closes]).toEqual([1, 1])
    expect(await flow.next()).toBeUndefined()
  })
})
