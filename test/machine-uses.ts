import { type Node, Visitor } from 'oxc-parser'

/** What only the machine itself gives (docs/decisions/0034-runtime-port.md). */
export type MachineUse = 'clock' | 'timer' | 'chance' | 'socket'

/** Members of globals. */
const members: Readonly<Record<string, MachineUse>> = {
  'Date.now': 'clock',
  'performance.now': 'clock',
  'performance.timeOrigin': 'clock',
  'process.hrtime': 'clock',
  'process.uptime': 'clock',
  'Bun.nanoseconds': 'clock',
  'AbortSignal.timeout': 'timer',
  'Bun.sleep': 'timer',
  'Bun.sleepSync': 'timer',
  'Math.random': 'chance',
  'crypto.randomUUID': 'chance',
  'crypto.getRandomValues': 'chance',
  'Bun.randomUUIDv7': 'chance',
  'Bun.connect': 'socket',
  'Bun.listen': 'socket',
  'Bun.serve': 'socket',
  'Bun.udpSocket': 'socket',
  'Bun.dns': 'socket',
}

/** Globals that are called as they are. */
const globals: Readonly<Record<string, MachineUse>> = {
  setTimeout: 'timer',
  setInterval: 'timer',
  setImmediate: 'timer',
}

/** Names that are imported; `*` stands for all that a module has. */
const imported: Readonly<Record<string, Readonly<Record<string, MachineUse>>>> = {
  'node:net': { '*': 'socket' },
  'node:tls': { '*': 'socket' },
  'node:dns': { '*': 'socket' },
  'node:dns/promises': { '*': 'socket' },
  'node:dgram': { '*': 'socket' },
  'node:http': { '*': 'socket' },
  'node:https': { '*': 'socket' },
  'node:http2': { '*': 'socket' },
  'node:timers': { '*': 'timer' },
  'node:timers/promises': { '*': 'timer' },
  'node:perf_hooks': { '*': 'clock' },
  'node:crypto': {
    randomBytes: 'chance',
    randomFill: 'chance',
    randomFillSync: 'chance',
    randomInt: 'chance',
    randomUUID: 'chance',
    getRandomValues: 'chance',
    webcrypto: 'chance',
  },
  bun: {
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

/** How a program uses its machine, each use as often as it stands there. */
export function machineUses(program: Parameters<Visitor['visit']>[0]): MachineUse[] {
  const uses: MachineUse[] = []
  const note = (use: MachineUse | undefined) => use && uses.push(use)
  new Visitor({
    ImportDeclaration: ({ source, specifiers }) => {
      const known = imported[source.value]
      for (const specifier of specifiers) {
        const name = specifier.type === 'ImportSpecifier' ? nameOf(specifier.imported) : '*'
        if (name === '*') note(known && Object.values(known)[0])
        else if (!pure.has(name)) note(known?.[name] ?? known?.['*'])
      }
    },
    ImportExpression: ({ source }) => {
      const known = imported[textOf(source)]
      note(known && Object.values(known)[0])
    },
    MemberExpression: ({ object, property, computed }) => {
      const key = computed ? textOf(property) : nameOf(property)
      if (nameOf(object) === 'globalThis') note(globals[key])
      const owner =
        object.type === 'MemberExpression' && nameOf(object.object) === 'globalThis' ? object.property : object
      note(members[`${nameOf(owner)}.${key}`])
    },
    VariableDeclarator: ({ id, init }) => {
      if (id.type !== 'ObjectPattern' || init?.type !== 'Identifier') return
      for (const property of id.properties)
        if (property.type === 'Property') note(members[`${init.name}.${nameOf(property.key)}`])
    },
    NewExpression: ({ callee, arguments: given }) => {
      if (nameOf(callee) === 'Date' && given.length === 0) note('clock')
    },
    CallExpression: ({ callee, arguments: given }) => {
      if (nameOf(callee) === 'Date') note('clock')
      if (callee.type === 'MemberExpression' && nameOf(callee.property) === 'listen' && isAddress(given)) note('socket')
    },
    Identifier: ({ name }) => void note(Object.hasOwn(globals, name) ? globals[name] : undefined),
  }).visit(program)
  return uses
}

/** Whether these may say where to listen, as frameworks take it: a port, or options and nothing else. */
function isAddress([first, ...others]: readonly Node[]): boolean {
  if (!first || first.type === 'ThisExpression') return false
  return others.length === 0 || (first.type === 'Literal' && typeof first.value === 'number')
}

function nameOf(node: Node): string {
  if (node.type === 'Identifier') return node.name
  return node.type === 'Literal' ? textOf(node) : ''
}

function textOf(node: Node): string {
  return node.type === 'Literal' && typeof node.value === 'string' ? node.value : ''
}
