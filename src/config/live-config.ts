import { resolve } from 'node:path'
import type {
  LiveConfiguration,
  Reload,
  ReloadProblem,
  ShownConfiguration,
} from '../api/exchange/live-configuration.ts'
import { redact } from '../chat/secret.ts'
import type { Logger } from '../flow/call.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { ClientKeys } from '../keys/client-keys.ts'
import { applyKept, type KeptConfig, type KeptValues } from './apply-kept.ts'
import type { Config, Misconfigured } from './config.ts'
import { settingsInForce } from './in-force.ts'
import { findLockOut } from './keep-administrable.ts'
import { settingFactsOf } from './setting-facts.ts'
import { changedNames, whenChanged } from './when-changed.ts'

export interface LiveConfigOptions {
  /** Reads the configuration as at the start. Without it, the configuration cannot change. */
  readonly read: (() => Config | Misconfigured) | undefined
  /** Answers later requests by this configuration. */
  apply(config: Config): void
  /** Asks the other processes of the gateway to read the configuration again. */
  reloadOthers(): void
  readonly clientKeys: Pick<ClientKeys, 'accessWith'>
  readonly log: Logger
  readonly runtime: Pick<Runtime, 'now'>
}

/** The configuration in force. If a changed one has a problem, the former one stays. */
export class LiveConfig implements LiveConfiguration {
  readonly #options: LiveConfigOptions
  /** Without the variables of the state. */
  #base: Config
  #kept: KeptValues
  /** With them. */
  #current: KeptConfig
  #lastReload: Reload | undefined

  /** @param kept the variables of the state */
  constructor(config: Config, kept: KeptValues, options: LiveConfigOptions) {
    this.#base = config
    this.#kept = kept
    this.#options = options
    this.#current = this.#withKept()
  }

  /** The configuration by which requests are answered. */
  get inForce(): Config {
    return this.#current.config
  }

  /** All variables of the state. */
  get kept(): KeptValues {
    return this.#kept
  }

  /** The variables of the state that are in force. */
  get keptInForce(): KeptValues {
    return this.#current.used
  }

  /** Whether the environment sets the variable, in any spelling, so that the state's has no effect. */
  isInEnvironment(name: string): boolean {
    return this.#base.settings.some((setting) => setting.name === name)
  }

  /** Reads the configuration with other variables of the state. It does not come into force. */
  tryKept(kept: KeptValues): KeptConfig {
    return applyKept(this.#base, kept)
  }

  /** Uses other variables of the state for later requests. */
  keep(kept: KeptValues): void {
    const former = this.#kept
    this.#kept = kept
    const changed = [...new Set([...Object.keys(former), ...Object.keys(kept)])]
      .filter((name) => former[name] !== kept[name])
      .sort()
    const found = this.#withKept()
    // the next reload reads them again
    if (found.isBroken) return
    this.#current = found
    this.#options.apply(this.#current.config)
    this.#options.log.info({ changed }, 'the credentials of the state have changed')
  }

  get lastReload(): Reload | undefined {
    return this.#lastReload
  }

  /** What is true of it, and may be a mistake. */
  facts() {
    return settingFactsOf(this.inForce)
  }

  show(): ShownConfiguration {
    const { envFile, warnings } = this.inForce
    return {
      settings: settingsInForce(this.inForce).map(({ name, value, origin }) => ({
        name,
        value: value === undefined ? undefined : redact(value),
        isSet: origin !== 'default',
        origin,
        changes: whenChanged(name),
      })),
      envFile: envFile === undefined ? undefined : resolve(envFile),
      warnings: [...warnings, ...this.#unused()].map((warning) => redact(warning)),
    }
  }

  /** The variables of the state that do not fit. They are no accounts, so nothing else shows them. */
  #unused(): readonly string[] {
    const { used, problems } = this.#current
    const unused = Object.keys(this.#kept).filter((name) => used[name] === undefined)
    const why = problems.map(({ variable, problem, remedy }) => `${variable} ${problem}: ${remedy}.`).join(' ')
    return unused.map(
      (name) => `${name} of the state is not used. ${why} Or remove it: DELETE /admin/accounts/${name}.`,
    )
  }

  reload(): Reload {
    this.#options.reloadOthers()
    return this.reloadHere()
  }

  /**
   * Reads the configuration again, and applies it to later requests of this process. The log says what has changed, by names
   * only.
   */
  reloadHere(): Reload {
    this.#lastReload = { at: this.#options.runtime.now(), ...this.#readAgain() }
    return this.#lastReload
  }

  #readAgain(): Omit<Reload, 'at'> {
    const { read, apply, clientKeys, log } = this.#options
    if (!read) return this.#refuse([notReadable])
    const former = this.#base
    const changed = read()
    if ('problems' in changed) return this.#refuse(changed.problems)
    const lockOut = findLockOut(former, changed, clientKeys)
    if (lockOut) return this.#refuse([lockOut])
    for (const warning of changed.warnings)
      if (!former.warnings.includes(warning)) log.warn({ warning }, 'configuration')
    this.#base = changed
    this.#current = this.#withKept()
    apply(this.#current.config)
    const names = changedNames(former, changed)
    const atNextStart = names.filter((name) => whenChanged(name) === 'restart')
    const now = names.filter((name) => whenChanged(name) === 'now')
    log.info(
      { changed: now, ...(atNextStart.length > 0 && { atNextStart }) },
      'the configuration and its files were read again',
    )
    return { changed: now, atNextStart, problems: [] }
  }

  #withKept(): KeptConfig {
    const { log } = this.#options
    const found = applyKept(this.#base, this.#kept)
    for (const { variable, problem, remedy } of found.problems)
      log.error(
        { variable, problem, remedy },
        'credentials of the state do not fit the configuration, and are not used',
      )
    return found
  }

  #refuse(problems: readonly ReloadProblem[]): Omit<Reload, 'at'> {
    for (const { variable, problem, remedy } of problems)
      this.#options.log.error(
        { variable, problem, remedy },
        'the changed configuration has a problem, so the former one stays',
      )
    const shown = problems.map(({ variable, problem, remedy }) => ({
      variable,
      problem: redact(problem),
      remedy: redact(remedy),
    }))
    return { changed: [], atNextStart: [], problems: shown }
  }
}

/** A program that was started without a reader, such as one within a test. */
const notReadable: ReloadProblem = {
  variable: '(all)',
  problem: 'cannot be read again by this program',
  remedy: 'restart it',
}
