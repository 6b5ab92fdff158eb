import { describe, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { providers } from '../src/providers/index.ts'
import { type Finding, readSource, type SourceFile } from './source-file.ts'

/**
 * The rooms, folders and files of `src` that each room may import in addition to itself. The longest row that matches a file
 * counts. (docs/architecture.md has the drawing.)
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  chat: [],
  flow: ['chat'],
  wire: ['chat', 'flow'],
  // translations are pure, so they use only functions of the wire that do not wait or send
  dialects: ['chat', 'flow', 'wire/http-status.ts', 'wire/json-progress.ts', 'wire/reply-limits.ts', 'wire/sse.ts'],
  clients: ['chat', 'flow', 'wire', 'dialects'],
  state: ['chat', 'flow'],
  conversations: ['chat', 'flow', 'state'],
  accounts: ['chat', 'flow', 'state'],
  'sign-in': ['chat', 'flow', 'wire', 'accounts'],
  'providers/provider.ts': ['chat', 'flow', 'accounts'],
  'providers/index.ts': ['providers'],
  'providers/*': ['chat', 'flow', 'wire', 'dialects', 'clients', 'accounts', 'sign-in', 'providers/provider.ts'],
  tools: ['chat', 'flow', 'wire'],
  usage: ['chat', 'flow', 'state'],
  keys: ['chat', 'flow', 'state'],
  gateway: ['chat', 'flow', 'state', 'accounts', 'tools', 'keys', 'providers/provider.ts'],
  needs: ['chat', 'flow', 'state', 'accounts/rest.ts', 'tools/tool.ts', 'keys', 'gateway'],
  metrics: [
    'chat',
    'flow',
    'wire/process-use.ts',
    'state',
    'accounts',
    'tools/tool.ts',
    'tools/observe-tools.ts',
    'gateway',
    'needs',
  ],
  // a notice has the words of the page, which has no other room's
  notify: [
    'chat',
    'flow',
    'wire',
    'state',
    'needs',
    'console/page/i18n/en/needs.ts',
    'console/page/i18n/marks.ts',
    'console/page/i18n/need-words.ts',
    'version.ts',
  ],
  telemetry: ['chat', 'flow'],
  traces: ['chat', 'flow', 'wire/http.ts', 'gateway/call-record.ts', 'gateway/sum-costs.ts'],
  imports: ['providers/openai-compatible/presets.ts'],
  // the settings of clients are texts alone: the page is one of those who write them
  connect: [],
  console: ['connect'],
  api: [
    'chat',
    'flow',
    'wire',
    'dialects',
    'clients',
    'conversations',
    'tools/tool.ts',
    'keys',
    'usage',
    'gateway',
    'needs',
    'metrics/metrics.ts',
    'console',
  ],
  // imports within the room point one way too: the exchange knows no surface, and a surface knows neither the door nor another surface
  'api/exchange': [
    'chat',
    'flow',
    'wire',
    'conversations',
    'tools/tool.ts',
    'keys',
    'usage',
    'gateway',
    'needs',
    'metrics/metrics.ts',
  ],
  'api/surfaces/json-schema.ts': ['chat'],
  'api/surfaces/surface.ts': ['chat', 'api/exchange', 'api/surfaces/json-schema.ts'],
  'api/door': ['chat', 'flow', 'keys', 'api/exchange', 'api/surfaces/surface.ts'],
  'api/surfaces/*': [
    'chat',
    'flow',
    'wire',
    'dialects',
    'clients',
    'conversations',
    'tools/tool.ts',
    'keys',
    'usage',
    'gateway',
    'needs',
    'api/exchange',
    'api/surfaces/json-schema.ts',
    'api/surfaces/surface.ts',
  ],
  'api/surfaces/console': [
    'chat',
    'dialects',
    'console',
    'api/exchange',
    'api/surfaces/json-schema.ts',
    'api/surfaces/surface.ts',
  ],
  'api/surfaces/index.ts': ['api/surfaces'],
  'version.ts': ['../package.json'],
  'bun-settings.ts': [],
  config: [
    'chat',
    'flow',
    'wire/egress.ts',
    'state',
    'notify/read-target.ts',
    'notify/target.ts',
    'providers',
    'tools/names.ts',
    'tools/server-config.ts',
    'traces/traces-config.ts',
    'keys',
    'usage',
    'gateway',
    'api',
    'version.ts',
  ],
  credentials: [
    'chat',
    'flow',
    'state',
    'accounts',
    'providers/provider.ts',
    'gateway',
    'api/exchange/credential-admin.ts',
    'config',
  ],
  'app.ts': [
    'chat',
    'flow',
    'wire',
    'state',
    'conversations',
    'tools',
    'keys',
    'usage',
    'gateway',
    'needs',
    'metrics',
    'notify',
    'api',
    'config',
    'credentials',
    'bun-settings.ts',
    'version.ts',
  ],
  commands: [
    'chat',
    'flow',
    'wire',
    'state',
    'accounts',
    'providers/provider.ts',
    'tools',
    'keys',
    'usage',
    'gateway',
    'metrics',
    'telemetry',
    'traces',
    'imports',
    'notify/send-notification.ts',
    'connect',
    'app.ts',
    'config',
    'credentials',
    'version.ts',
  ],
  'commands/demo.ts': ['commands', 'flow', 'state', 'providers/index.ts', 'config', 'version.ts'],
  'commands/texts.ts': ['../.env.example', '../deploy/tributary.service', '../docs/upstreams.md'],
  'main.ts': ['commands', 'bun-settings.ts', 'wire/machine.ts'],
}

/** Where each package may be imported. Node's and Bun's own modules may be everywhere. */
const packageHomes: Readonly<Record<string, readonly string[]>> = {
  elysia: ['api', 'app.ts'],
  'prom-client': ['metrics/write-metrics.ts'],
  zod: ['config', 'api', 'dialects', 'clients', 'accounts', 'sign-in', 'providers', 'tools'],
  'socket.io-client': ['wire'],
  ioredis: ['state/redis'],
  '@opentelemetry/api': ['traces'],
  '@opentelemetry/core': ['traces'],
  '@opentelemetry/sdk-trace': ['traces'],
  '@opentelemetry/resources': ['traces'],
  '@opentelemetry/otlp-exporter-base': ['traces'],
  '@opentelemetry/otlp-transformer': ['traces'],
  '@modelcontextprotocol/client': ['tools'],
  preact: ['console/page'],
  '@preact/signals': ['console/page'],
  marked: ['console/page'],
  'eventsource-parser': ['console/page'],
}

/** The places where each finding is allowed. It is a violation everywhere else. */
const findingHomes: Readonly<Partial<Record<Finding, readonly string[]>>> = {
  environment: ['config', 'bun-settings.ts'],
  // docs/decisions/0034-runtime-port.md
  fetch: ['wire/machine-network.ts', 'console/page'],
  'SSE framing': ['wire'],
  // the page runs in a browser
  clock: ['wire/machine.ts', 'wire/process-use.ts', 'console/page'],
  chance: ['wire/machine.ts'],
  // a turn of the event loop does not depend on time: it comes after the turns of the others
  timer: ['wire/machine.ts', 'flow/next-turn.ts', 'console/page'],
  socket: [
    'wire/machine-network.ts',
    // wraps a socket of Node
    'wire/raw-socket.ts',
    'wire/resolve-name.ts',
  ],
}

function isIn(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`)
}

/** Finds the row of a file: `providers/cohere/events.ts` belongs to `providers/*`, and its room is `providers/cohere`. */
function roomOf(path: string): { readonly row: string; readonly room: string } | undefined {
  const parts = path.split('/')
  for (let length = parts.length; length > 0; length--) {
    const room = parts.slice(0, length).join('/')
    const row = [room, [...parts.slice(0, length - 1), '*'].join('/')].find((key) => mayImport[key])
    if (row !== undefined) return { row, room }
  }
  return undefined
}

function importViolations({ path, imports }: SourceFile): string[] {
  if (isDouble(path)) return []
  const found = roomOf(path)
  if (!found) return [`${path} is in a room without a row`]
  const allowed = [found.room, ...(mayImport[found.row] ?? [])]
  return imports
    .filter((target) => !allowed.some((place) => isIn(target, place)))
    .map((target) => `${path} imports ${target}`)
}

function packageViolations({ path, packages }: SourceFile): string[] {
  return packages
    .filter((name) => !name.startsWith('node:') && !name.startsWith('bun:') && name !== 'bun')
    .filter((name) => !packageHomes[name]?.some((place) => isIn(path, place)))
    .map((name) => `${path} imports the package ${name}`)
}

const machineFindings: ReadonlySet<Finding> = new Set(['clock', 'timer', 'chance', 'socket', 'fetch'])

function findingViolations({ path, findings, packages }: SourceFile): string[] {
  const isPeer = isDouble(path) || isEmulator(path)
  const hidden: Finding[] = packages.includes('node:process') ? ['environment'] : []
  return [...findings, ...hidden]
    .filter((finding) => !isPeer || !machineFindings.has(finding))
    .filter((finding) => !findingHomes[finding]?.some((place) => isIn(path, place)))
    .map((finding) => `${path}: ${finding}`)
}

function nameViolations({ path }: SourceFile): string[] {
  const isKebab = path.split('/').every((part) => /^[a-z0-9]+(-[a-z0-9]+)*(\.double)?(\.tsx?|\.css)?$/.test(part))
  return isKebab ? [] : [`${path} is not kebab-case`]
}

function isDouble(path: string): boolean {
  return path.endsWith('.double.ts')
}

/** A double is a part of the tests. It may import the same files as they, and only tests and other doubles import it. */
function doubleViolations({ path, imports }: SourceFile): string[] {
  return isDouble(path) ? [] : imports.filter(isDouble).map((target) => `${path} imports the double ${target}`)
}

/** Apart from tests and other emulators, only its own provider or `replay` imports an emulator, and only when it is needed. */
function emulatorViolations({ path, imports, loads }: SourceFile): string[] {
  if (isEmulator(path) || isDouble(path)) return []
  const face = path.replace(/^(providers\/[^/]+\/index|commands\/replay\/replay)\.ts$/, (own) =>
    own.replace(/[^/]+$/, 'emulator/index.ts'),
  )
  return imports
    .filter((target) => isEmulator(target) && (target !== face || loads.includes(target)))
    .map((target) => `${path} imports the emulator ${target}`)
}

/**
 * Whether a file belongs to an emulator: a peer of the program in tests and in the demo, with real sockets and real
 * time.
 */
function isEmulator(path: string): boolean {
  return path.includes('/emulator/')
}

/** Finds every ring of imports, and begins each with the file that was visited first. */
function cycles(files: readonly SourceFile[]): string[] {
  const importsOf = new Map(files.map(({ path, imports }) => [path, imports]))
  const done = new Set<string>()
  const found: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) found.push([...trail.slice(trail.indexOf(path)), path].join(' → '))
    if (done.has(path) || trail.includes(path)) return
    for (const next of importsOf.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const { path } of files) visit(path, [])
  return found
}

function violations(files: readonly SourceFile[]): string[] {
  const each = [
    importViolations,
    packageViolations,
    findingViolations,
    nameViolations,
    doubleViolations,
    emulatorViolations,
  ]
  return [...files.flatMap((file) => each.flatMap((rule) => rule(file))), ...cycles(files)]
}

const root = join(import.meta.dir, '../src')
const isSource = (path: string) => /\.tsx?$/.test(path) && !path.endsWith('.test.ts')
const paths = [...new Bun.Glob('**').scanSync({ cwd: root })].filter(isSource).sort()
const files = await Promise.all(paths.map(async (path) => readSource(path, await Bun.file(join(root, path)).text())))

describe('the source', () => {
  test('is read to its last file', () => {
    const listed = readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && isSource(entry.name))
      .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    expect(files.map(({ path }) => path)).toEqual(listed.sort())
    expect(paths).toContain('main.ts')
    expect(files.reduce((sum, { imports }) => sum + imports.length, 0)).toBeGreaterThan(files.length)
  })

  test('has no import, cast or call in a wrong place', () => {
    expect(violations(files)).toEqual([])
  })

  test('matches the drawing in docs/architecture.md', async () => {
    const drawing = await Bun.file(join(root, '../docs/architecture.md')).text()
    const drawn = [...drawing.matchAll(/^\| `src\/([\w/.-]+)` \|[^|]*\| ([^|;]*?)(?:;[^|]*)? \|$/gm)]
    const rows = drawn.map(([, room = '', allowed = '']) => [room, allowed === 'nothing' ? [] : allowed.split(', ')])
    const roomsOf = (top: string) => mayImport[`${top}/*`] ?? mayImport[top]
    const rooms = [...new Set(paths.map((path) => path.split('/')[0] ?? ''))].filter((top) => !top.endsWith('.ts'))
    expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(rooms.map((top) => [top, roomsOf(top)])))
  })

  test('has an emulator for each provider, and the provider loads it on demand', () => {
    const faces = paths.filter((path) => /^providers\/[^/]+\/emulator\/index\.ts$/.test(path))
    const loaders = faces.map((face) => files.find(({ imports }) => imports.includes(face))?.path)
    expect(faces.length).toBe(providers.length)
    expect(loaders).toEqual(faces.map((face) => face.replace('/emulator/', '/')))
  })
})

describe('a planted violation is found:', () => {
  const planted: readonly (readonly [path: string, text: string, violation: string])[] = [
    ['chat/a.ts', "import { send } from '../wire/http.ts'", 'chat/a.ts imports wire/http.ts'],
    ['wire/a.ts', "import type { Call } from '../gateway/a.ts'", 'wire/a.ts imports gateway/a.ts'],
    ['dialects/a/a.ts', "import { send } from '../../wire/http.ts'", 'dialects/a/a.ts imports wire/http.ts'],
    ['dialects/a/a.ts', "import { ask } from '../../clients/a/ask.ts'", 'dialects/a/a.ts imports clients/a/ask.ts'],
    ['wire/a.ts', "type A = import('../api/a.ts').A", 'wire/a.ts imports api/a.ts'],
    ['gateway/a.ts', "await import('../api/door.ts')", 'gateway/a.ts imports api/door.ts'],
    ['gateway/a.ts', "require('../api/door.ts')", 'gateway/a.ts imports api/door.ts'],
    ['gateway/a.ts', "require('../' + name)", 'gateway/a.ts imports the package (computed)'],
    ['gateway/a.ts', "await import('../' + name)", 'gateway/a.ts imports the package (computed)'],
    [
      'gateway/a.ts',
      "import { demo } from '../providers/demo/index.ts'",
      'gateway/a.ts imports providers/demo/index.ts',
    ],
    ['api/exchange/a.ts', "import { Door } from '../door/door.ts'", 'api/exchange/a.ts imports api/door/door.ts'],
    ['api/door/a.ts', "import { surfaces } from '../surfaces/index.ts'", 'api/door/a.ts imports api/surfaces/index.ts'],
    ['api/surfaces/a/a.ts', "import { b } from '../b/b.ts'", 'api/surfaces/a/a.ts imports api/surfaces/b/b.ts'],
    ['api/a.ts', "import { providers } from '../providers/index.ts'", 'api/a.ts imports providers/index.ts'],
    ['commands/a.ts', "import { providers } from '../providers/index.ts'", 'commands/a.ts imports providers/index.ts'],
    [
      'providers/a/index.ts',
      "import { events } from '../b/events.ts'",
      'providers/a/index.ts imports providers/b/events.ts',
    ],
    ['chat/a.ts', "import x from '../../bench/run.ts'", 'chat/a.ts imports ../bench/run.ts'],
    ['attic/a.ts', 'const a = 1', 'attic/a.ts is in a room without a row'],
    ['gateway/a.ts', "import { Elysia } from 'elysia'", 'gateway/a.ts imports the package elysia'],
    ['api/a.ts', "import { a } from '@scope/unknown/deep'", 'api/a.ts imports the package @scope/unknown'],
    ['api/a.ts', 'const port = process.env.PORT', 'api/a.ts: environment'],
    ['api/a.ts', 'const { PORT } = Bun.env', 'api/a.ts: environment'],
    ['api/a.ts', "import { env } from 'node:process'", 'api/a.ts: environment'],
    ['providers/a/a.ts', 'await fetch(url)', 'providers/a/a.ts: fetch'],
    ['providers/a/a.ts', 'const get = globalThis.fetch', 'providers/a/a.ts: fetch'],
    ['api/a.ts', 'write(`data: {}`)', 'api/a.ts: SSE framing'],
    ['api/a.ts', "write('event: ping\\ndata: {}\\n\\n')", 'api/a.ts: SSE framing'],
    ['chat/a.ts', 'let a: any', 'chat/a.ts: any'],
    ['chat/a.ts', 'const a = b as string', 'chat/a.ts: cast'],
    ['chat/a.ts', 'const a = <string>b', 'chat/a.ts: cast'],
    ['chat/a.ts', 'const a = b!.c', 'chat/a.ts: non-null'],
    ['chat/a.ts', 'enum A { B }', 'chat/a.ts: enum'],
    ['chat/a.ts', 'export default 1', 'chat/a.ts: default export'],
    ['chat/a.ts', "export { a } from './b.ts'", 'chat/a.ts: re-export'],
    ['chat/a.ts', "export * from './b.ts'", 'chat/a.ts: re-export'],
    ['chat/a.ts', 'const = 1', 'chat/a.ts: syntax error'],
    ['wire/a.ts', "import { D } from '../flow/d.double.ts'", 'wire/a.ts imports the double flow/d.double.ts'],
    ['gateway/a.ts', 'const at = Date.now()', 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'function f(now = Date.now) {}', 'gateway/a.ts: clock'],
    ['gateway/a.ts', "const at = Date['now']()", 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'const { now } = Date', 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'const at = new Date().toISOString()', 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'const at = Date()', 'gateway/a.ts: clock'],
    ['wire/a.ts', 'const at = globalThis.performance.now()', 'wire/a.ts: clock'],
    ['wire/a.ts', "import { performance } from 'node:perf_hooks'", 'wire/a.ts: clock'],
    ['wire/a.ts', 'setTimeout(run, 5)', 'wire/a.ts: timer'],
    ['wire/a.ts', 'globalThis.setInterval(run, 5)', 'wire/a.ts: timer'],
    ['wire/a.ts', 'const later = setImmediate', 'wire/a.ts: timer'],
    ['wire/a.ts', 'let timer: ReturnType<typeof setTimeout>', 'wire/a.ts: timer'],
    ['wire/a.ts', "import { setTimeout as wait } from 'node:timers/promises'", 'wire/a.ts: timer'],
    ['wire/a.ts', 'await Bun.sleep(5)', 'wire/a.ts: timer'],
    ['wire/a.ts', 'const signal = AbortSignal.timeout(5)', 'wire/a.ts: timer'],
    ['state/a.ts', 'const a = Math.random()', 'state/a.ts: chance'],
    ['state/a.ts', 'const id = crypto.randomUUID()', 'state/a.ts: chance'],
    ['state/a.ts', "import { createHash, randomBytes } from 'node:crypto'", 'state/a.ts: chance'],
    ['state/a.ts', "import * as crypto from 'node:crypto'", 'state/a.ts: chance'],
    ['gateway/a.ts', "import { connect } from 'node:net'", 'gateway/a.ts: socket'],
    ['gateway/a.ts', "import type { Socket } from 'node:net'", 'gateway/a.ts: socket'],
    ['gateway/a.ts', "import { connect } from 'node:tls'", 'gateway/a.ts: socket'],
    ['gateway/a.ts', "await import('node:dns/promises')", 'gateway/a.ts: socket'],
    ['gateway/a.ts', "import { serve } from 'bun'", 'gateway/a.ts: socket'],
    ['api/a.ts', 'Bun.serve({ fetch })', 'api/a.ts: socket'],
    ['api/a.ts', 'new Elysia().listen(8080)', 'api/a.ts: socket'],
    ['providers/a/a.ts', 'const get = fetch', 'providers/a/a.ts: fetch'],
    ['providers/a/a.ts', 'openServer({ fetch })', 'providers/a/a.ts: fetch'],
    ['wire/fetch-exchange.ts', 'await fetch(url)', 'wire/fetch-exchange.ts: fetch'],
    ['gateway/a.ts', 'const Clock = Date', 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'read({ clock: Date })', 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'const { ...clock } = Date', 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'const at = new Date(...times)', 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'const at = new globalThis.Date()', 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'const at = Date[name]()', 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'const clock = performance', 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'const at = Temporal.Now.instant()', 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'const { Temporal: time } = globalThis', 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'const { Date: Clock } = globalThis', 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'const every = globalThis', 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'const at = globalThis[name]()', 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'const machine = process', 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'const used = process.cpuUsage()', 'gateway/a.ts: clock'],
    ['gateway/a.ts', "const at = new Event('a').timeStamp", 'gateway/a.ts: clock'],
    ['gateway/a.ts', "const now = new Intl.DateTimeFormat('en').formatToParts(undefined)", 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'new Worker(url)', 'gateway/a.ts: clock'],
    ['gateway/a.ts', "import { Worker } from 'node:worker_threads'", 'gateway/a.ts: clock'],
    ['wire/a.ts', 'globalThis[`setTimeout`](run, 5)', 'wire/a.ts: timer'],
    ['wire/a.ts', "Bun.cron('* * * * *', run)", 'wire/a.ts: timer'],
    ['wire/a.ts', 'await Bun.postgres`select 1`', 'wire/a.ts: socket'],
    ['wire/a.ts', "import net = require('node:net')", 'wire/a.ts: socket'],
    ['wire/a.ts', "new BroadcastChannel('a')", 'wire/a.ts: socket'],
    ['state/a.ts', "const token = Bun.CSRF.generate('a')", 'state/a.ts: chance'],
    ['gateway/a.ts', 'const at = performance.timeOrigin', 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'const at = process.hrtime.bigint()', 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'const seconds = process.uptime()', 'gateway/a.ts: clock'],
    ['gateway/a.ts', 'const at = Bun.nanoseconds()', 'gateway/a.ts: clock'],
    ['gateway/a.ts', "import { uptime } from 'node:os'", 'gateway/a.ts: clock'],
    ['gateway/a.ts', "console.time('a')", 'gateway/a.ts: clock'],
    ['gateway/a.ts', "const now = new Intl.DateTimeFormat('en').format()", 'gateway/a.ts: clock'],
    ['wire/a.ts', 'Atomics.wait(a, 0, 0, 5)', 'wire/a.ts: timer'],
    ['wire/a.ts', "import { setTimeout } from 'timers'", 'wire/a.ts: timer'],
    ['wire/a.ts', 'const { setInterval } = globalThis', 'wire/a.ts: timer'],
    ['state/a.ts', 'const { random } = Math', 'state/a.ts: chance'],
    ['state/a.ts', 'const chance = Math', 'state/a.ts: chance'],
    ['state/a.ts', 'crypto.getRandomValues(bytes)', 'state/a.ts: chance'],
    ['state/a.ts', 'const id = Bun.randomUUIDv7()', 'state/a.ts: chance'],
    ['state/a.ts', "import { randomInt } from 'crypto'", 'state/a.ts: chance'],
    ['state/a.ts', "import { generateKeySync } from 'node:crypto'", 'state/a.ts: chance'],
    ['wire/a.ts', "import { lookup } from 'node:dns'", 'wire/a.ts: socket'],
    ['wire/a.ts', "import { request } from 'node:http'", 'wire/a.ts: socket'],
    ['wire/a.ts', "import { Agent } from 'node:https'", 'wire/a.ts: socket'],
    ['wire/a.ts', "import { connect } from 'node:http2'", 'wire/a.ts: socket'],
    ['wire/a.ts', "import { createSocket } from 'node:dgram'", 'wire/a.ts: socket'],
    ['wire/a.ts', "import { connect } from 'net'", 'wire/a.ts: socket'],
    ['wire/a.ts', "const { connect } = require('node:tls')", 'wire/a.ts: socket'],
    ['wire/a.ts', "process.getBuiltinModule('node:net')", 'wire/a.ts: socket'],
    ['wire/a.ts', "import { networkInterfaces } from 'node:os'", 'wire/a.ts: socket'],
    ['wire/a.ts', 'await Bun.connect(options)', 'wire/a.ts: socket'],
    ['wire/a.ts', 'Bun.listen(options)', 'wire/a.ts: socket'],
    ['wire/a.ts', "await Bun.dns.lookup('a')", 'wire/a.ts: socket'],
    ['wire/a.ts', 'await Bun.udpSocket({})', 'wire/a.ts: socket'],
    ['wire/a.ts', 'const { serve } = Bun', 'wire/a.ts: socket'],
    ['wire/a.ts', 'const runtime = Bun', 'wire/a.ts: socket'],
    ['wire/a.ts', 'new WebSocket(url)', 'wire/a.ts: socket'],
    ['wire/a.ts', 'new globalThis.EventSource(url)', 'wire/a.ts: socket'],
    ['wire/a.ts', 'new XMLHttpRequest()', 'wire/a.ts: socket'],
    ['wire/a.ts', "import { e } from './emulator/e.ts'", 'wire/a.ts imports the emulator wire/emulator/e.ts'],
    ['api/a.ts', "import type { E } from '../wire/emulator/e.ts'", 'api/a.ts imports the emulator wire/emulator/e.ts'],
    [
      'providers/a/index.ts',
      "import { e } from './emulator/index.ts'",
      'providers/a/index.ts imports the emulator providers/a/emulator/index.ts',
    ],
    [
      'providers/a/upstream.ts',
      "await import('./emulator/index.ts')",
      'providers/a/upstream.ts imports the emulator providers/a/emulator/index.ts',
    ],
    ['chat/aB.ts', 'const a = 1', 'chat/aB.ts is not kebab-case'],
  ]
  for (const [path, text, violation] of planted)
    test(`${path}: ${text}`, () => expect(violations([readSource(path, text)])).toContain(violation))

  test('a ring of type imports', () => {
    const ring = ['a', 'b', 'c'].map((name, at) =>
      readSource(`chat/${name}.ts`, `import type { T } from './${['b', 'c', 'a'][at]}.ts'`),
    )
    expect(violations(ring)).toEqual(['chat/a.ts → chat/b.ts → chat/c.ts → chat/a.ts'])
  })

  test('but a clock or socket in a double or an emulator is allowed', () => {
    for (const path of ['flow/a.double.ts', 'wire/emulator/socketio.ts', 'providers/cto/emulator/clerk.ts'])
      expect(violations([readSource(path, 'setTimeout(run, Math.random() * Date.now())')])).toEqual([])
  })

  test('but a function that only computes is allowed', () => {
    const text = `import { createHash } from 'node:crypto'
      import { BlockList, isIP } from 'node:net'
      const at = new Date(0)
      const later = runtime.now() + timers.now
      const isDate = later instanceof Date
      const shown = new Intl.DateTimeFormat('en').format(at)
      let signal: AbortSignal = options.performance.fetch
      const most = Math.max(1, Bun.version.length)
      const digest = crypto.subtle
      const parsed = Date.parse('2026-01-01')`
    expect(violations([readSource('wire/a.ts', text)])).toEqual([])
  })

  test('but a comment, an alias or a string that looks like one is allowed', () => {
    const text =
      "// process.env, fetch(), as any\nimport { a as b } from './c.ts'\nconst text = 'await fetch(x as any)' as const"
    expect(violations([readSource('chat/a.ts', text)])).toEqual([])
  })
})
