/** Node's HTTP server reads our requests as they are meant, over new and kept connections. */
import { afterAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import fc from 'fast-check'
import { findNode } from '../../test/find-node.ts'
import { send } from './http.ts'
import { newCancel } from './machine.double.ts'

const node = findNode()
const script = join(import.meta.dir, '../../test/chaos/node-server.cjs')
const server = node === undefined ? undefined : Bun.spawn([node, script], { stdout: 'pipe' })
afterAll(() => server?.kill())

async function portOf(output: ReadableStream<Uint8Array>): Promise<number> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const bytes of output) {
    text += decoder.decode(bytes)
    if (text.endsWith('\n')) break
  }
  return Number(text)
}

const letter = fc.constantFrom(...'abcxyzABC0189!#$%&*+-.^_`|~')
const name = fc.string({ unit: letter, minLength: 1, maxLength: 8 }).map((text) => `x${text}`)
const value = fc.string({ unit: fc.constantFrom(...' \t!"#,:;=~aZ09\x80\xe9\xff'), maxLength: 20 })
const path = fc.string({ unit: fc.constantFrom(...'ab/?=&%20+é'), maxLength: 12 })
const body = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 3 }),
  fc.constant([new Uint8Array(70_000).fill(7)]),
)
const request = fc.record({
  method: fc.constantFrom('POST', 'PATCH', 'DELETE'),
  path,
  headers: fc
    .uniqueArray(fc.tuple(name, value), { maxLength: 4, selector: ([field]) => field.toLowerCase() })
    .map((fields) => Object.fromEntries(fields)),
  body,
})

function bytesOf(sent: string | readonly Uint8Array[]): Buffer {
  return typeof sent === 'string' ? Buffer.from(sent) : Buffer.concat(sent)
}

test.skipIf(!server)(
  'each of 500 requests is read by Node’s server as it was meant',
  async () => {
    const origin = server ? `http://127.0.0.1:${await portOf(server.stdout)}` : ''
    const ports = new Set<number>()
    await fc.assert(
      fc.asyncProperty(request, async ({ method, path, headers, body }) => {
        const url = `${origin}/${path}`
        const reply = await send({ method, url, headers, body }, newCancel())
        const read = JSON.parse(await reply.text())
        ports.add(read.port)
        const { pathname, search } = new URL(url)
        expect(read).toMatchObject({ method, url: pathname + search, body: bytesOf(body).toString('base64') })
        const platform = Object.fromEntries(new Headers(headers))
        for (const field in platform) expect([field, read.headers[field]]).toEqual([field, platform[field]])
      }),
      { numRuns: 500 },
    )
    // all of them used one connection after the other, so none left bytes for the next
    expect(ports.size).toBeLessThan(3)
  },
  60_000,
)
