/**
 * Runs other agents through the executable: `bun test/agents/more/run.ts [NAME…]`. It installs each in a temporary folder, or in the
 * one that FOLDER names, and prints what passed. The programs run without a network. It is not a part of the tests.
 */
import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { emulateOpenai } from '../../../src/providers/openai-compatible/emulator/index.ts'
import { build, emptyFolder, start } from '../../e2e/program.ts'
import { within } from '../../waiting.ts'
import { type AgentProgram, type Place, programs } from './programs.ts'
import { answerOf, changed, ending } from './upstream.ts'

const patienceMs = 120_000
/** Some have many packages. */
const installMs = 1_800_000
const model = 'lab/agent'

interface RunOptions {
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly ms?: number
}

async function run(command: readonly string[], { cwd, env, ms = patienceMs }: RunOptions): Promise<string> {
  const child = Bun.spawn([...command], { cwd, env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  try {
    const printed = Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
    const [stdout, stderr] = await within(printed, ms, `the end of ${command.join(' ')}`)
    return stdout + stderr
  } finally {
    child.kill('SIGKILL')
  }
}

/** @returns the folder of the program */
async function install({ name, npm, pypi }: AgentProgram, folder: string): Promise<string> {
  const place = join(folder, name)
  await mkdir(place, { recursive: true })
  const options = { cwd: place, env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? place }, ms: installMs }
  if (npm !== undefined) {
    await Bun.write(join(place, 'package.json'), '{"private":true}')
    await run([process.execPath, 'add', '--trust', npm], options)
  } else {
    await run(['python3', '-m', 'venv', place], options)
    await run([join(place, 'bin/pip'), 'install', '--quiet', '--disable-pip-version-check', pypi ?? ''], options)
  }
  return place
}

/** Runs a program. @returns what went wrong; undefined if nothing did */
async function tryProgram(program: AgentProgram, installed: string): Promise<string | undefined> {
  await using home = await emptyFolder()
  const file = join(home.path, 'one.txt')
  await Bun.write(file, 'This is one.\n')
  const emulator = await emulateOpenai({ models: ['agent'], reply: (chat) => answerOf(chat, home.path) })
  await using gateway = await start({ UPSTREAM_LAB_URL: emulator.url, UPSTREAM_LAB_MODELS: 'agent' })
  const place: Place = { installed, home: home.path, url: gateway.url, model }
  for (const [path, text] of Object.entries(program.settings?.(place) ?? {})) {
    await mkdir(dirname(join(home.path, path)), { recursive: true })
    await Bun.write(join(home.path, path), text)
  }
  const env = { PATH: process.env.PATH ?? '', HOME: home.path }
  let printed = ''
  for (const command of program.commands(place)) printed = await run(command, { cwd: home.path, env })
  await emulator.close()
  const text = await Bun.file(file).text()
  if (program.hasNoTools) return text.includes(changed) ? undefined : printed
  const isRead = JSON.stringify(emulator.chats.at(-1) ?? {}).includes('This is one.')
  return isRead && printed.includes(ending) ? undefined : `${printed}\n${emulator.chats.length} requests`
}

const inside = 'WITHOUT_NETWORK'
const names = process.argv.slice(2)
const chosen = programs.filter(({ name }) => names.length === 0 || names.includes(name))
const folder = process.env.FOLDER ?? (await mkdtemp(join(tmpdir(), 'tributary-agents-')))

if (process.env[inside] === undefined) {
  await build()
  for (const program of chosen) await install(program, folder)
  const alone = ['unshare', '-rn', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']
  const again = Bun.spawn([...alone, process.execPath, import.meta.path, ...names], {
    env: { ...process.env, [inside]: '1', FOLDER: folder },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  process.exit(await again.exited)
}

let failed = 0
for (const program of chosen) {
  const fault = await tryProgram(program, join(folder, program.name)).catch(String)
  if (fault !== undefined) failed++
  console.log(
    `${(program.npm ?? program.pypi ?? '').padEnd(28)} ${fault === undefined ? 'passed' : `failed\n${fault}`}`,
  )
}
process.exit(failed > 0 ? 1 : 0)
