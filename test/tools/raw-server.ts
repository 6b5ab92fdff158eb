import { spawn } from 'node:child_process'
import { closeSync, readdirSync, readlinkSync } from 'node:fs'
import { createInterface } from 'node:readline'

// A child process: `raw-server.ts MODE` is a handwritten MCP server on stdio, and MODE chooses its fault.

const mode = process.argv[2] ?? ''
const say = (message: unknown) => process.stdout.write(`${JSON.stringify(message)}\n`)
const schema = { type: 'object' }
const tool = (name: string, more = {}) => ({ name, inputSchema: schema, ...more })

if (mode === 'deaf') {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => undefined)
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
  process.stderr.write(`child ${child.pid}\n`)
  setInterval(() => undefined, 1000)
}
if (mode === 'banner') process.stdout.write('Welcome to this server!\n\n{"not": "a message"}\n')
if (mode === 'silent') setInterval(() => undefined, 1000)
if (mode === 'stderr') process.stderr.write(`${process.env.MARK}\n${'y'.repeat(1024 * 1024)}\nthe end\n`)
if (mode === 'exit') process.exit(7)

const many = (count: number, from = 0) => Array.from({ length: count }, (_, at) => tool(`t${from + at}`))

function list(cursor: string | undefined): unknown {
  switch (mode) {
    case 'cyclic':
      return { tools: [tool('a')], nextCursor: 'again' }
    case 'endless':
      return { tools: [], nextCursor: String(Number(cursor ?? 0) + 1) }
    case 'million':
      return { tools: many(1_000_000) }
    case 'pages':
      return { tools: many(100, Number(cursor ?? 0)), nextCursor: String(Number(cursor ?? 0) + 100) }
    case 'described':
      return { tools: many(150).map((one) => ({ ...one, description: `${'d'.repeat(1_996)} end` })) }
    case 'long-line':
    case 'too-long':
      return { tools: [tool(mode)] }
    case 'liars':
      return {
        tools: [
          tool('good', { description: 'It is\u202e go\u200bod\u{e0041}\x07.\nReally.' }),
          tool('long', { description: 'd'.repeat(10_000) }),
          { name: 'no-schema' },
          { name: 'a-string', inputSchema: { type: 'string' } },
          { name: 7, inputSchema: schema },
          'nothing at all',
          { name: 'huge', inputSchema: { type: 'object', note: 'n'.repeat(70_000) } },
          {
            name: 'dotted.name/with spaces',
            inputSchema: { type: 'object', properties: { p: { description: 'p\u200b' } } },
          },
          tool('good', { description: 'another of that name' }),
          tool('__proto__'),
        ],
      }
    default:
      return { tools: [tool('flood'), tool('hang'), tool('deep'), tool('echo'), tool('mute')] }
  }
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}

function call(id: unknown, name: string): void {
  if (name === 'hang') return
  if (name === 'mute') {
    const output = readlinkSync('/proc/self/fd/1')
    // the runtime may hold two copies
    for (const fd of readdirSync('/proc/self/fd').filter((entry) => linkOf(entry) === output)) closeSync(Number(fd))
    setInterval(() => undefined, 1000)
    return
  }
  if (name === 'flood') {
    const line = `${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'x' } })}\n`
    const flood = () => {
      while (process.stdout.write(line.repeat(1000)));
      process.stdout.once('drain', flood)
    }
    flood()
    return
  }
  if (name === 'long-line') {
    const flood = () => {
      while (process.stdout.write('x'.repeat(65_536)));
      process.stdout.once('drain', flood)
    }
    flood()
    return
  }
  if (name === 'too-long')
    return void say({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: 'x'.repeat(17_000_000) }] } })
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  if (name === 'deep')
    process.stdout.write(`{"jsonrpc":"2.0","id":${id},"result":{"content":[],"structuredContent":${deep}}}\n`)
  say({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: `ran ${name}` }] } })
}

/** Answers a request for an unknown method. */
function refuse(id: unknown): void {
  say({ jsonrpc: '2.0', id, error: { code: -32_601, message: 'Method not found' } })
}

/** Writes absent members as null, as some libraries do. */
function answerWithNulls(id: unknown, method: string): void {
  const results: Record<string, unknown> = {
    initialize: {
      protocolVersion: '2025-11-25',
      capabilities: { tools: { listChanged: null }, logging: {}, prompts: null },
      serverInfo: { name: 'raw', version: '1', title: null },
      instructions: null,
    },
    'logging/setLevel': null,
    'tools/list': { tools: [{ ...tool('echo'), description: null, annotations: null }], nextCursor: null, _meta: null },
    'tools/call': { content: [{ type: 'text', text: 'ran echo', annotations: null }], isError: null, _meta: null },
  }
  if (method === 'server/discover') refuse(id)
  else if (id !== undefined) say({ jsonrpc: '2.0', id, result: results[method], error: null })
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line)
  if (mode === 'nulls') return answerWithNulls(id, method)
  const version = mode.startsWith('revision=') ? mode.slice(9) : params?.protocolVersion
  if (mode === 'silent') return
  if (method === 'server/discover' && mode === 'strict') process.exit(1)
  if (method === 'server/discover') return mode === 'mute-probe' ? undefined : refuse(id)
  if (method === 'initialize')
    say({
      jsonrpc: '2.0',
      id,
      result: { protocolVersion: version, capabilities: { tools: {} }, serverInfo: { name: 'raw', version: '1' } },
    })
  if (method === 'tools/list') say({ jsonrpc: '2.0', id, result: list(params?.cursor) })
  if (method === 'tools/call') call(id, params.name)
})
