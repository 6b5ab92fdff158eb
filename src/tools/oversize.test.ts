import { describe, expect, test } from 'bun:test'
import { machine } from '../wire/machine.double.ts'
import { frequencyMeter, type Id, Oversize } from './oversize.ts'

function startWatch(...waiting: readonly Id[]) {
  const failed: Id[] = []
  const whys: string[] = []
  const oversize = new Oversize(
    {
      waiting: () => waiting,
      fail: (id) => void failed.push(id),
      onMisbehaviour: (why) => void whys.push(why),
    },
    frequencyMeter(machine),
  )
  return { oversize, failed, whys }
}

const long = 'x'.repeat(2_000)

describe('an answer that is too long', () => {
  const heads: readonly (readonly [head: string, failed: readonly Id[]])[] = [
    [`{"jsonrpc":"2.0","id":2,"result":{"content":["${long}`, [2]],
    [` { "jsonrpc" : "2.0" , "id" : "b" , "result" : {"id": 1, "c": "${long}`, ['b']],
    [`{"_meta":{"id":1,"a":["}\\"",{}]},"id":2,"result":"${long}`, [2]],
    [`{"jsonrpc":"2.0","method":"notifications/message","params":"${long}`, []],
    [`{"id":99,"result":"${long}`, []],
  ]
  for (const [head, failed] of heads)
    test(`is recognized by its beginning: ${head.slice(0, 60)}`, () => {
      const watched = startWatch(1, 2, 'b')
      watched.oversize.noteStart(head)
      expect(watched.failed).toEqual([...failed])
      watched.oversize.noteSize(100 * 1024 * 1024)
      watched.oversize.noteEnd(`${long},"id":1}`)
      expect(watched.failed).toEqual([...failed])
    })

  const tails: readonly (readonly [tail: string, failed: readonly Id[]])[] = [
    [`${long}"}]},"jsonrpc":"2.0","id":2}`, [2]],
    [`${long}"}]} , "id" : "b", "jsonrpc":"2.0" } `, ['b']],
    [`${long},\\"id\\":1}`, [1, 2, 'b']],
    [`${long},"id":1}}`, [1, 2, 'b']],
    [long, [1, 2, 'b']],
  ]
  for (const [tail, failed] of tails)
    test(`is recognized by its end, or fails all requests: ${tail.slice(-40)}`, () => {
      const watched = startWatch(1, 2, 'b')
      watched.oversize.noteStart(`{"result":{"content":[{"text":"${long}`)
      expect(watched.failed).toEqual([])
      watched.oversize.noteEnd(tail)
      expect(watched.failed).toEqual([...failed])
    })

  test('fails all requests when it goes on too long, and then counts as endless', () => {
    const { oversize, failed, whys } = startWatch(1, 2)
    oversize.noteStart(long)
    oversize.noteSize(20 * 1024 * 1024)
    expect(failed).toEqual([])
    oversize.noteSize(65 * 1024 * 1024)
    oversize.noteSize(66 * 1024 * 1024)
    expect([failed, whys]).toEqual([[1, 2], []])
    oversize.noteSize(257 * 1024 * 1024)
    expect(whys).toEqual(['it sent a message that has no end'])
  })
})

test('a few messages that are too long are accepted, but not many within a minute', () => {
  const clock = { now: 0 }
  const isOften = frequencyMeter({ elapsed: () => clock.now })
  const next = () => {
    clock.now += 20_000
    return isOften()
  }
  expect(Array.from({ length: 20 }, next)).not.toContain(true)
  clock.now += 60_000
  expect(Array.from({ length: 6 }, isOften)).toEqual([false, false, false, false, false, true])
})
