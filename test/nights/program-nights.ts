import { expect } from 'bun:test'
import { unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, type Misconfigured, readConfig } from '../../src/config/config.ts'
import { startRedis } from '../../src/state/redis/real-redis.double.ts'
import { LineWriter } from '../../src/telemetry/line-writer.ts'
import { machine } from '../../src/wire/machine.double.ts'
import { folderFor, json, type Night, nightKey, open, type StagedNight, type Variables, withDefaults } from './rig.ts'

function toolServer(name: string, command: string, args: readonly string[] = []): Variables {
  return { MCP_SERVERS: JSON.stringify({ mcpServers: { [name]: { command, args } } }) }
}

async function openWithState(url: string, also: readonly (() => unknown)[]): Promise<StagedNight> {
  const config = readConfig({ ...withDefaults({}), STATE_URL: url }, false)
  if ('problems' in config) throw new Error(JSON.stringify(config.problems))
  return open({ STATE_URL: url }, { store: await config.state.open(machine), also })
}

/** Makes a client key, which the state has to keep. */
async function makeKey({ url }: StagedNight): Promise<void> {
  const headers = { authorization: `Bearer ${nightKey}`, ...json }
  await (await fetch(`${url}/admin/keys`, { method: 'POST', headers, body: '{"name":"new"}' })).text()
}

/** Nights on which the program itself, its store or its tools need somebody. */
export const programNights: readonly Night[] = [
  {
    name: 'nobody has set an upstream',
    kind: 'no_upstream',
    severity: 'warning',
    need: { upstream: null },
    stage: () => open({}),
  },
  {
    name: 'the command of an MCP server is missing',
    kind: 'tool_command_missing',
    severity: 'warning',
    need: {
      tool_server: 'files',
      facts: { command: 'no-such-command', stderr: expect.stringContaining('no-such-command') },
    },
    stage: () => open(toolServer('files', 'no-such-command')),
  },
  {
    name: 'an MCP server crashes',
    kind: 'tool_server_failed',
    severity: 'warning',
    need: {
      tool_server: 'files',
      why: expect.stringContaining('exit code 3'),
      facts: { transport: 'stdio', stderr: 'no token' },
    },
    stage: () => open(toolServer('files', '/bin/sh', ['-c', 'echo no token >&2; exit 3'])),
  },
  {
    name: 'the disk is full',
    kind: 'disk_full',
    severity: 'urgent',
    need: { variable: 'STATE_URL', why: expect.stringContaining('SQLITE_FULL') },
    async stage() {
      const folder = folderFor('full')
      run('mount', '-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', folder.path)
      const unmount = () => run('umount', folder.path)
      const night = await openWithState(`sqlite:${join(folder.path, 'state.db')}`, [unmount, folder.remove])
      fill(join(folder.path, 'others'))
      await makeKey(night)
      return night
    },
  },
  {
    name: 'somebody deletes the file of the state',
    kind: 'store_failing',
    severity: 'urgent',
    need: { variable: 'STATE_URL', why: expect.stringContaining('was removed or renamed') },
    async stage() {
      const folder = folderFor('lost')
      const file = join(folder.path, 'state.db')
      const night = await openWithState(`sqlite:${file}`, [folder.remove])
      unlinkSync(file)
      return night
    },
  },
  {
    name: 'Redis is gone',
    kind: 'redis_gone',
    severity: 'urgent',
    need: { variable: 'STATE_URL', why: expect.stringContaining('Redis') },
    async stage() {
      const redis = await startRedis()
      const night = await openWithState(`redis+unix:${redis.socket}`, [() => redis[Symbol.asyncDispose]()])
      await redis.kill()
      return night
    },
  },
  {
    name: 'a changed configuration has a mistake',
    kind: 'reload_failed',
    severity: 'warning',
    need: { variable: 'MAX_QUEUE', why: expect.stringContaining('MAX_QUEUE') },
    async stage() {
      const read = (): Config | Misconfigured => readConfig(withDefaults({ MAX_QUEUE: 'many' }), false)
      const night = await open({}, { surroundings: { read } })
      await (await fetch(`${night.url}/admin/reload`, { method: 'POST', headers: { 'x-api-key': nightKey } })).text()
      return night
    },
  },
  {
    name: 'nobody reads the log',
    kind: 'log_dropped',
    severity: 'note',
    need: { facts: { lines: expect.any(Number) } },
    async stage() {
      const stuck = Promise.withResolvers<void>()
      const lines = new LineWriter({ write: () => undefined, flush: () => stuck.promise }, () => undefined)
      const night = await open(
        {},
        { surroundings: { droppedLines: () => lines.dropped }, also: [() => stuck.resolve()] },
      )
      lines.write('first\n')
      lines.flush()
      for (let count = 0; count < 20; count++) lines.write(`${'x'.repeat(100_000)}\n`)
      return night
    },
  },
]

/** Runs a program of the system, which needs the rights of root. */
function run(...command: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync([...command])
  if (exitCode !== 0) throw new Error(`${command.join(' ')}: ${stderr}`)
}

/** Writes a file until the disk has no room. */
function fill(path: string): void {
  const piece = Buffer.alloc(4096)
  try {
    for (;;) writeFileSync(path, piece, { flag: 'a' })
  } catch {
    // the disk is full
  }
}
