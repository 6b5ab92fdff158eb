import { describe, expect, test } from 'bun:test'
import { machine } from '../wire/machine.double.ts'
import { frequencyMeter, type Id, Oversize } from './oversize.ts'

function watch(...waiting: readonly Id[]) {
  const failed: Id[] = []
  const whys: string[] = []
  const oversize = new Oversize(
    {
      waiting: () => waiting,
      fail: (id) => void failed.push(id),
      misbehaved: (why) => void whys.push(why),
    },
    frequencyMeter(machine),
  )
  return { oversize, failed, whys }
}

const long = 'x'.repeat(2_000)

describe('whose answer is too long', () => {
  const heads: readonly (readonly [head: string, failed: readonly Id[]])[] = [
    [`{"jsonrpc":"2.0","id":2,"result":{"content":["${long}`, [2]],
    [` { "jsonrpc" : "2.0" , "id" : "b" , "result" : {"id": 1, "c": "${long}`, ['b']],
    [`{"_meta":{"id":1,"a":["}\\"",{}]},"id":2,"result":"${long}`, [2]],
    [`{"jsonrpc":"2.0","method":"notifications/message","params":"${long}`, []],
    [`{"id":99,"result":"${long}`, []],
  ]
  for (const [head, failed] of heads)
    test(`is known by its beginning: ${head.slice(0, 60)}`, () => {
      const watched = watch(1, 2, 'b')
      watched.oversize.began(head)
      expect(watched.failed).toEqual([...failed])
      watched.oversize.grew(100 * 1024 * 1024)
      watched.oversize.ended(`${long},"id":1}`)
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
    test(`is known by its end, or it is everybody's: ${tail.slice(-40)}`, () => {
      const watched = watch(1, 2, 'b')
      watched.oversize.began(`{"result":{"content":[{"text":"${long}`)
      expect(watched.failed).toEqual([])
      watched.oversize.ended(tail)
      expect(watched.failed).toEqual([...failed])
    })

  test('is everybody’s once it goes on and on, and then it has no end', () => {
    const { oversize, failed, whys } = watch(1, 2)
    oversize.began(long)
    oversize.grew(20 * 1024 * 1024)
    expect(failed).toEqual([])
    oversize.grew(65 * 1024 * 1024)
    oversize.grew(66 * 1024 * 1024)
    expect([failed, whys]).toEqual([[1, 2], []])
    oversize.grew(257 * 1024 * 1024)
    expect(whys).toEqual(['it sent a message that has no end'])
  })
})

test('a few messages that are too long are an accident; one after the other is not', () => {
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
