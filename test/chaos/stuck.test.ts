/** P4: clients that have stopped reading cost bounded memory, while their upstream sends much. */
import { expect, test } from 'bun:test'
import type { Socket } from 'node:net'
import { emulateHttp } from '../../src/wire/emulator/http.ts'
import { measureBelow, until, untilStill } from '../waiting.ts'
import { startChild } from './child.ts'
import { askRaw } from './client.ts'

const mebibyte = 2 ** 20
/** P4 allows 200 MB for a hundred clients. A smaller number would mostly measure the program's own heap. */
const clients = 100
/** Bytes of memory for each client. */
const allowed = 2 * mebibyte
/** Bytes of each answer: far more than all buffers may hold. */
const offered = 200 * mebibyte

const event = `data: ${JSON.stringify({
  id: 'one',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta: { content: 'x'.repeat(4_000) }, finish_reason: null }],
})}\n\n`
const events = event.repeat(16)

test(`${clients} clients that have stopped reading cost less than ${(clients * allowed) / mebibyte} MB`, async () => {
  await measureBelow(allowed, 'bytes for a client', async () => {
    let sent = 0
    const upstream = await emulateHttp(async (exchange) => {
      exchange.head(200, { 'content-type': 'text/event-stream' })
      for (let offering = 0; offering < offered && exchange.isOpen(); offering += events.length) {
        await exchange.chunk(events)
        sent += events.length
      }
    })
    const sockets: Socket[] = []
    try {
      await using child = await startChild(
        { UPSTREAM_FLOOD_URL: `${upstream.origin}/v1`, UPSTREAM_FLOOD_MODELS: 'flood' },
        { collects: true },
      )
      // the first client also warms up the program
      const first = askRaw(child.url, 'flood')
      await until(() => first.text().length > 100_000, 60_000, 'the first has read something')
      first.socket.destroy()
      await until(() => upstream.openConnections() === 0, 60_000, 'the first has left')
      const before = await child.settledRss()
      for (let at = 0; at < clients; at++) {
        const { socket } = askRaw(child.url, 'flood')
        socket.pause()
        sockets.push(socket)
      }
      await until(() => upstream.openConnections() === clients, 60_000, 'all of them are asked for')
      const paused = await untilStill(() => sent, 300, 60_000)
      expect(upstream.openConnections()).toBe(clients)
      expect(paused).toBeLessThan((clients * offered) / 4)
      const { rss } = child
      return (Math.max(rss(), await child.settledRss()) - before) / clients
    } finally {
      for (const socket of sockets) socket.destroy()
      await upstream.close()
    }
  })
})
