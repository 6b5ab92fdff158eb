import { expect, test } from 'bun:test'
import type { ByteSocket } from '../flow/network.ts'
import { ManualRuntime } from '../flow/runtime.double.ts'
import { SocketPool } from './idle-sockets.ts'

const address = '10.0.0.1'

/** A pool and connections in memory to put into it. */
function openPool() {
  const runtime = new ManualRuntime()
  runtime.network.answerAt('http://upstream.test', () => undefined)
  const connect = (): Promise<ByteSocket> => runtime.network.connect({ address, port: 80, isSecure: false }).socket
  return { runtime, connect, pool: new SocketPool(runtime) }
}

test('an origin has at most 64 idle connections, and all origins together 512', async () => {
  const { runtime, connect, pool } = openPool()
  for (let count = 0; count < 70; count++) pool.put('one', await connect())
  await runtime.settle()
  expect(runtime.network.openConnections).toBe(64)
  for (let origin = 0; origin < 10; origin++)
    for (let count = 0; count < 60; count++) pool.put(`origin ${origin}`, await connect())
  await runtime.settle()
  expect(runtime.network.openConnections).toBe(512)
})

test('the connection that became idle last is taken first, and each only once and for its own origin', async () => {
  const { connect, pool } = openPool()
  const [first, last] = [await connect(), await connect()]
  pool.put('one', first)
  pool.put('one', last)
  expect(pool.take('another')).toBeUndefined()
  expect([pool.take('one'), pool.take('one'), pool.take('one')]).toEqual([last, first, undefined])
})

test('an idle connection is closed after 15 seconds, and no timer stays', async () => {
  const { runtime, connect, pool } = openPool()
  pool.put('one', await connect())
  await runtime.advance(14_000)
  expect(runtime.network.openConnections).toBe(1)
  await runtime.advance(7_000)
  expect([runtime.network.openConnections, runtime.timers.size]).toEqual([0, 0])
})

test('a connection is not used in the last second of the time that its server keeps it', async () => {
  const { runtime, connect, pool } = openPool()
  const socket = await connect()
  pool.put('one', socket, 5_000)
  await runtime.advance(3_999)
  expect(pool.take('one')).toBe(socket)
  pool.put('one', socket, 5_000)
  await runtime.advance(4_000)
  expect(pool.take('one')).toBeUndefined()
  pool.put('one', await connect(), 1_000)
  expect(pool.take('one')).toBeUndefined()
  await runtime.settle()
  expect(runtime.network.openConnections).toBe(0)
})
