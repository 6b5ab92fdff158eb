import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openApp, type Surroundings } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import type { NeedKind } from '../../src/needs/need.ts'
import { emulateOpenai, type OpenaiEmulator } from '../../src/providers/openai-compatible/emulator/index.ts'
import { MemoryStore } from '../../src/state/memory/memory-store.ts'
import type { Store } from '../../src/state/store.ts'
import { openLog } from '../../src/telemetry/log.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { machine } from '../../src/wire/machine.double.ts'

/** The key of an admin on every night. */
export const nightKey = 'sk-night-0123456789abcdef'
export const clientKey = 'sk-client-0123456789abcdef'

/** A program in which something is wrong. */
export interface StagedNight extends AsyncDisposable {
  readonly url: string
}

export interface Night {
  readonly name: string
  readonly kind: NeedKind
  readonly severity: 'urgent' | 'warning' | 'note'
  /** Members that the need must have, as in the JSON of the overview. */
  readonly need: Readonly<Record<string, unknown>>
  /** Starts the program, and makes it go wrong. */
  stage(): Promise<StagedNight>
}

export type Variables = Readonly<Record<string, string>>

interface NightOptions {
  readonly store?: Store
  readonly surroundings?: Partial<Surroundings>
  /** What is stopped after the program. */
  readonly also?: readonly (() => unknown)[]
}

/** Starts the whole program in this process. */
export async function open(
  variables: Variables,
  { store, surroundings, also = [] }: NightOptions = {},
): Promise<StagedNight> {
  const config = readConfig(withDefaults(variables), false)
  if ('problems' in config) throw new Error(JSON.stringify(config.problems))
  const log = openLog({ runtime: machine, level: 'silent', format: 'json', write: () => undefined })
  const app = openApp(config, log, store ?? new MemoryStore({ runtime: machine }), {
    runtime: machine,
    ...surroundings,
  })
  await app.ready
  return {
    url: app.url,
    async [Symbol.asyncDispose]() {
      await app.close()
      for (const stop of also) await stop()
    },
  }
}

export function withDefaults(variables: Variables): Variables {
  return { HOST: '127.0.0.1', PORT: '0', SHUTDOWN_GRACE: '1', API_MASTER_KEY: nightKey, ...variables }
}

export async function ask(
  night: Pick<StagedNight, 'url'>,
  model: string,
  more: object = {},
  key = nightKey,
): Promise<number> {
  const response = await fetch(`${night.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    // each is a conversation of its own, unless the test says otherwise
    body: JSON.stringify({ model, messages: [{ role: 'user', content: crypto.randomUUID() }], ...more }),
  })
  await response.text()
  return response.status
}

export async function askTimes(night: StagedNight, times: number, model: string): Promise<StagedNight> {
  for (let time = 0; time < times; time++) await ask(night, model)
  return night
}

export const json = { 'content-type': 'application/json' }

export function refusal(status: number, code: string, message: string, headers: Variables = {}): Script {
  const error = { message, type: code, param: null, code }
  return { status, headers: { ...json, ...headers }, body: [JSON.stringify({ error })] }
}

/** A night whose upstream answers every chat so. The account is called by its variable. */
export async function answering(
  reply: (model: string, headers: Headers) => Script | undefined,
  variables: Variables = {},
) {
  const emulator = await emulateOpenai({ models: ['one', 'two'], reply: ({ model }, headers) => reply(model, headers) })
  return openWith(emulator, variables)
}

export function openWith(emulator: OpenaiEmulator, variables: Variables = {}): Promise<StagedNight> {
  return open(
    { UPSTREAM_LAB_URL: emulator.url, UPSTREAM_LAB_KEY: 'lab-key-0123456789', ...variables },
    { also: [() => emulator.close()] },
  )
}

/** A folder, and what removes it. */
export function folderFor(name: string) {
  const path = mkdtempSync(join(tmpdir(), `tributary-night-${name}-`))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
