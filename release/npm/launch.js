#!/usr/bin/env node
// Runs tributary with the Bun that it is made for: this one if it is of that version, otherwise the one from the npm registry
// that was installed beside it. It is plain JavaScript, because Node runs it.
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const runtimes = manifest.optionalDependencies
const [bunVersion] = Object.values(runtimes)
const { resolve } = createRequire(import.meta.url)
const { arch, argv, env, execPath, platform, versions } = process

/** The packages with a Bun for this machine; on Linux the one for its C library is found by trying. */
function packagesHere() {
  const cpu = arch === 'arm64' ? 'aarch64' : arch
  const system = platform === 'win32' ? 'windows' : platform
  return ['', '-musl'].map((library) => `@oven/bun-${system}-${cpu}${library}`).filter((name) => name in runtimes)
}

function installedBun() {
  const found = packagesHere().flatMap((name) => {
    try {
      return resolve(`${name}/bin/bun${platform === 'win32' ? '.exe' : ''}`)
    } catch {
      return []
    }
  })
  return found.length > 1 ? found.find((file) => spawnSync(file, ['--version']).status === 0) : found[0]
}

function explain() {
  const [name] = packagesHere()
  if (name === undefined) return `There is no Bun for ${platform}-${arch}, so tributary cannot run here.`
  return `tributary needs the package ${name}@${bunVersion}, which is not installed. Install tributary again without --omit=optional, or run it with Bun ${bunVersion}: bunx --bun ${manifest.name}`
}

/** Runs a program in place of this process where the system and this version of Node can do so, and otherwise as its child. */
function run(program, args) {
  if (platform !== 'win32' && typeof process.execve === 'function') {
    try {
      process.execve(program, [program, ...args], env)
    } catch {
      // a child does the same, with one process more
    }
  }
  runChild(program, args)
}

function runChild(program, args) {
  const child = spawn(program, args, { stdio: 'inherit' })
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'])
    process.on(signal, () => {
      // a terminal sends Ctrl-C to the child too, and a second signal ends it at once
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  child.on('error', (error) => fail(`${program} cannot be run: ${error.message}`))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function fail(message) {
  console.error(message)
  process.exit(1)
}

const bun = versions.bun === bunVersion ? execPath : installedBun()
if (bun === undefined) fail(explain())
const file = (path) => fileURLToPath(new URL(path, import.meta.url))
// as in the executable, neither a `.env` nor a `bunfig.toml` of the working folder is for Bun: the program reads `.env` itself
run(bun, ['--no-env-file', `--config=${file('../lib/no-settings.toml')}`, file('../lib/main.js'), ...argv.slice(2)])
