import { type Node, Visitor } from 'oxc-parser'

/** The uses of the machine: clocks, timers, chance and sockets (docs/decisions/0034-runtime-port.md). */
export type MachineUse = 'clock' | 'timer' | 'chance' | 'socket'

/** Members of globals. */
const members: Readonly<Record<string, MachineUse>> = {
  'Date.now': 'clock',
  'performance.now': 'clock',
  'performance.timeOrigin': 'clock',
  'process.hrtime': 'clock',
  'process.uptime': 'clock',
  'process.cpuUsage': 'clock',
  'process.resourceUsage': 'clock',
  'console.time': 'clock',
  'console.timeEnd': 'clock',
  'console.timeLog': 'clock',
  'Bun.nanoseconds': 'clock',
  'AbortSignal.timeout': 'timer',
  'Bun.sleep': 'timer',
  'Bun.sleepSync': 'timer',
  'Bun.cron': 'timer',
  'Math.random': 'chance',
  'crypto.randomUUID': 'chance',
  'crypto.getRandomValues': 'chance',
  'Bun.randomUUIDv7': 'chance',
  'Bun.password': 'chance',
  'Bun.CSRF': 'chance',
  'Atomics.wait': 'timer',
  'Atomics.waitAsync': 'timer',
  'Bun.RedisClient': 'socket',
  'Bun.S3Client': 'socket',
  'Bun.SQL': 'socket',
  'Bun.WebView': 'socket',
  'Bun.postgres': 'socket',
  'Bun.redis': 'socket',
  'Bun.s3': 'socket',
  'Bun.sql': 'socket',
  'Bun.connect': 'socket',
  'Bun.listen': 'socket',
  'Bun.serve': 'socket',
  'Bun.udpSocket': 'socket',
  'Bun.dns': 'socket',
}

/** Globals that a file may not name. */
const globals: Readonly<Record<string, MachineUse>> = {
  performance: 'clock',
  Temporal: 'clock',
  BroadcastChannel: 'socket',
  EventSource: 'socket',
  WebSocket: 'socket',
  // a thread reads its own clock
  Worker: 'clock',
  XMLHttpRequest: 'socket',
  setTimeout: 'timer',
  setInterval: 'timer',
  setImmediate: 'timer',
}

/** Globals with such members. Another name for the global would hide its members, so every use must show the member. */
const owners: Readonly<Record<string, MachineUse>> = {
  AbortSignal: 'timer',
  Atomics: 'timer',
  Bun: 'socket',
  Date: 'clock',
  Math: 'chance',
  crypto: 'chance',
  globalThis: 'clock',
  process: 'clock',
}

/** Imported names. `*` stands for all names of a module. */
const imported: Readonly<Record<string, Readonly<Record<string, MachineUse>>>> = {
  'node:net': { '*': 'socket' },
  'node:tls': { '*': 'socket' },
  'node:dns': { '*': 'socket' },
  'node:dns/promises': { '*': 'socket' },
  'node:dgram': { '*': 'socket' },
  'node:http': { '*': 'socket' },
  'node:https': { '*': 'socket' },
  'node:http2': { '*': 'socket' },
  'node:cluster': { '*': 'socket' },
  'node:inspector': { '*': 'socket' },
  'node:module': { createRequire: 'socket' },
  'node:os': { networkInterfaces: 'socket', uptime: 'clock' },
  'node:process': { hrtime: 'clock', uptime: 'clock' },
  'node:worker_threads': { '*': 'clock' },
  'node:timers': { '*': 'timer' },
  'node:timers/promises': { '*': 'timer' },
  'node:perf_hooks': { '*': 'clock' },
  'node:crypto': {
    generateKey: 'chance',
    generateKeyPair: 'chance',
    generateKeyPairSync: 'chance',
    generateKeySync: 'chance',
    generatePrime: 'chance',
    generatePrimeSync: 'chance',
    randomBytes: 'chance',
    randomFill: 'chance',
    randomFillSync: 'chance',
    randomInt: 'chance',
    randomUUID: 'chance',
    getRandomValues: 'chance',
    subtle: 'chance',
    webcrypto: 'chance',
  },
  bun: {
    RedisClient: 'socket',
    S3Client: 'socket',
    SQL: 'socket',
    WebView: 'socket',
    CSRF: 'chance',
    cron: 'timer',
    password: 'chance',
    postgres: 'socket',
    redis: 'socket',
    s3: 'socket',
    sql: 'socket',
    connect: 'socket',
    dns: 'socket',
    listen: 'socket',
    nanoseconds: 'clock',
    randomUUIDv7: 'chance',
    serve: 'socket',
    sleep: 'timer',
    sleepSync: 'timer',
    udpSocket: 'socket',
  },
}

/** Functions of these modules that only compute. */
const pure: ReadonlySet<string> = new Set(['BlockList', 'isIP', 'isIPv4', 'isIPv6'])

/** Lists each use of the machine in a program. */
export function machineUses(program: Parameters<Visitor['visit']>[0]): MachineUse[] {
  const uses: MachineUse[] = []
  /** Identifiers to skip: they name no value, or another rule checks their use. */
  const seen = new Set<Node>()
  const note = (use: MachineUse | undefined) => use && uses.push(use)
  const noteModule = (name: string) => note(firstUse(moduleOf(name)))
  new Visitor({
    ImportDeclaration: ({ source, specifiers }) => {
      const known = moduleOf(source.value)
      for (const specifier of specifiers) {
        const name = specifier.type === 'ImportSpecifier' ? nameOf(specifier.imported) : '*'
        if (name === '*') note(firstUse(known))
        else if (!pure.has(name)) note(known?.[name] ?? known?.['*'])
      }
    },
    TSImportEqualsDeclaration: ({ moduleReference }) => {
      if (moduleReference.type === 'TSExternalModuleReference') noteModule(textOf(moduleReference.expression))
    },
    ImportExpression: ({ source }) => void noteModule(textOf(source)),
    MemberExpression: ({ object, property, computed }) => {
      const key = computed ? textOf(property) : nameOf(property)
      if (isGlobalThis(object)) note(globals[key] ?? (seen.has(property) ? undefined : owners[key]))
      if (key === 'timeStamp') note('clock')
      if (!computed) seen.add(property)
      const owner = object.type === 'MemberExpression' && isGlobalThis(object.object) ? object.property : object
      if (computed && key === '') note(owners[nameOf(owner)])
      else if (Object.hasOwn(owners, nameOf(owner))) seen.add(owner)
      note(members[`${nameOf(owner)}.${key}`])
    },
    Property: ({ key, computed }) => {
      if (!computed) seen.add(key)
    },
    TSTypeReference: ({ typeName }) => void seen.add(typeName),
    BinaryExpression: ({ operator, right }) => {
      if (operator === 'instanceof') seen.add(right)
    },
    VariableDeclarator: ({ id, init }) => {
      if (id.type !== 'ObjectPattern' || init?.type !== 'Identifier') return
      if (id.properties.some(({ type }) => type === 'RestElement')) return
      seen.add(init)
      for (const property of id.properties) {
        if (property.type !== 'Property') continue
        const key = nameOf(property.key)
        note(isGlobalThis(init) ? (globals[key] ?? owners[key]) : members[`${init.name}.${key}`])
      }
    },
    NewExpression: ({ callee, arguments: given }) => {
      if (nameOf(callee) !== 'Date') return
      seen.add(callee)
      if (given.length === 0 || given[0]?.type === 'SpreadElement') note('clock')
    },
    CallExpression: ({ callee, arguments: given }) => {
      const called = callee.type === 'MemberExpression' ? nameOf(callee.property) : nameOf(callee)
      if (called === 'require' || called === 'getBuiltinModule') noteModule(given[0] ? textOf(given[0]) : '')
      if (callee.type !== 'MemberExpression') return
      if (called === 'listen' && isAddress(given)) note('socket')
      // a format of Intl formats the present time if it gets no date
      if (/^format(ToParts)?$/.test(called) && (given.length === 0 || isUndefined(given[0]))) note('clock')
    },
    Identifier: (node) => {
      if (seen.has(node)) return
      if (Object.hasOwn(globals, node.name)) note(globals[node.name])
      else if (Object.hasOwn(owners, node.name)) note(owners[node.name])
    },
  }).visit(program)
  return uses
}

function moduleOf(name: string): Readonly<Record<string, MachineUse>> | undefined {
  return imported[name] ?? imported[`node:${name}`]
}

function firstUse(known: Readonly<Record<string, MachineUse>> | undefined): MachineUse | undefined {
  return known && Object.values(known)[0]
}

function isGlobalThis(node: Node): boolean {
  return ['globalThis', 'global', 'self'].includes(nameOf(node))
}

/** Whether these arguments may be an address to listen at: a port, or options and nothing else. */
function isAddress([first, ...others]: readonly Node[]): boolean {
  if (!first || first.type === 'ThisExpression') return false
  return others.length === 0 || (first.type === 'Literal' && typeof first.value === 'number')
}

function nameOf(node: Node): string {
  if (node.type === 'Identifier') return node.name
  return node.type === 'Literal' ? textOf(node) : ''
}

function isUndefined(node: Node | undefined): boolean {
  return node !== undefined && nameOf(node) === 'undefined'
}

/** The text of a string, or of a template without expressions. */
function textOf(node: Node): string {
  if (node.type === 'TemplateLiteral' && node.quasis.length === 1) return node.quasis[0]?.value.cooked ?? ''
  return node.type === 'Literal' && typeof node.value === 'string' ? node.value : ''
}
