import type { AddedCredential, CredentialAdmin, CredentialOptions } from '../api/exchange/credential-admin.ts'
import type { KeptConfig, KeptValues } from '../config/apply-kept.ts'
import type { Config } from '../config/config.ts'
import type { LiveConfig } from '../config/live-config.ts'
import type { Examiner } from '../gateway/examiner.ts'
import {
  checkRoom,
  checkVariables,
  divertsCredentials,
  environmentsOwn,
  existsAlready,
  faultOf,
  misfit,
  notOfUpstream,
  refuseUnsealed,
  unknownVariable,
} from './faults.ts'
import { type ChangedUpstream, findChanges } from './find-changes.ts'
import { findRemoved } from './find-removed.ts'
import type { KeptVariables } from './kept-variables.ts'
import { forgetDead, judgeTest, type TestOptions, testChange } from './test-credential.ts'

export interface CredentialsOptions extends Omit<TestOptions, 'deadlineMs'> {
  /** The configuration of the start, which says where the state is. */
  readonly started: Pick<Config, 'state' | 'stateSecrets'>
  readonly configuration: Pick<LiveConfig, 'inForce' | 'keptInForce' | 'isInEnvironment' | 'tryKept'>
  readonly kept: KeptVariables
  /** Tests the accounts of the running gateway. */
  examiner(): Examiner
}

interface PlannedChange {
  readonly variables: KeptValues
  readonly isForced: boolean
  /** Throws if the state may not have these variables, or must have them first. */
  check(values: KeptValues): void
}

/** Limit for the milliseconds of one test. */
const maxTestMs = 60_000

/**
 * The credentials that the operator adds while the program runs. They are variables of the state: the providers read and check them
 * like those of the environment (docs/decisions/0091-variables-of-the-state.md).
 */
export class Credentials implements CredentialAdmin {
  readonly #options: CredentialsOptions

  constructor(options: CredentialsOptions) {
    this.#options = options
  }

  add(variables: KeptValues, { isForced }: CredentialOptions): Promise<AddedCredential> {
    const check = (values: KeptValues) => {
      for (const name of Object.keys(variables)) {
        this.#refuseEnvironments(name)
        if (Object.hasOwn(values, name)) throw existsAlready(name)
      }
    }
    return this.#testAndKeep({ variables, isForced, check })
  }

  async replace(variable: string, value: string, { isForced }: CredentialOptions): Promise<AddedCredential> {
    const check = (values: KeptValues) => {
      this.#refuseEnvironments(variable)
      if (!Object.hasOwn(values, variable)) throw unknownVariable(variable)
    }
    const { values } = this.#options.kept
    check(values)
    if (values[variable]?.trim() === value.trim()) return this.#testRunning(variable)
    return this.#testAndKeep({ variables: { [variable]: value }, isForced, check })
  }

  async remove(variable: string): Promise<readonly string[]> {
    const { kept, configuration } = this.#options
    let removed: readonly string[] = []
    await kept.change((values) => {
      const isThere = Object.hasOwn(values, variable)
      // the environment may have got the variable later
      if (!isThere) this.#refuseEnvironments(variable)
      if (!isThere) throw unknownVariable(variable)
      removed = findRemoved(variable, values, configuration)
      return Object.fromEntries(Object.entries(values).filter(([name]) => !removed.includes(name)))
    })
    return removed
  }

  #refuseEnvironments(name: string): void {
    if (this.#options.configuration.isInEnvironment(name)) throw environmentsOwn(name)
  }

  async #testAndKeep({ variables, isForced, check }: PlannedChange): Promise<AddedCredential> {
    const { started, kept, configuration } = this.#options
    checkVariables(variables)
    check(kept.values)
    refuseUnsealed(started)
    const { config } = this.#read({ ...configuration.keptInForce, ...variables }, variables)
    const tested = await this.#test(onlyChange(findChanges(configuration.inForce, config), variables), {
      variables,
      isForced,
    })
    await kept.change((values) => {
      check(values)
      const next = { ...values, ...variables }
      checkRoom(next)
      this.#read(next, variables)
      return next
    })
    return tested
  }

  async #test(
    change: ChangedUpstream,
    { variables, isForced }: Pick<PlannedChange, 'variables' | 'isForced'>,
  ): Promise<AddedCredential> {
    const { configuration } = this.#options
    const deadlineMs = Math.min(maxTestMs, configuration.inForce.deadlines.firstEventMs)
    const options = { ...this.#options, deadlineMs }
    const tested = await testChange(change, options)
    const names = Object.keys(variables)
    const [variable = ''] = names.filter((name) => name === tested.test.account).concat(names)
    try {
      judgeTest(tested, { isForced, variable })
    } catch (thrown) {
      await forgetDead(change, options)
      throw thrown
    }
    return tested
  }

  /** Tests the account of a variable that has this value already, with what the running gateway knows of it. */
  async #testRunning(variable: string): Promise<AddedCredential> {
    const { configuration, examiner } = this.#options
    for (const { name, sources } of configuration.inForce.upstreams) {
      const label = sources?.entries().find(([, source]) => source.variable === variable)?.[0]
      const findings = label === undefined ? undefined : await examiner().test(name)
      const test = findings?.find(({ account }) => account === label)
      if (test && label !== undefined) return { upstream: name, accounts: [label], test }
    }
    throw faultOf(variable, 'has this value already')
  }

  /** Reads the configuration with these variables. @throws ChatError `invalid-request` if one of the new ones does not fit */
  #read(all: KeptValues, added: KeptValues): KeptConfig {
    const found = this.#options.configuration.tryKept(all)
    for (const name of Object.keys(added)) {
      if (found.used[name] === undefined) throw misfit(name, found)
      if (name === 'UPSTREAM_USER_AGENT' || !found.config.upstreamVariables.has(name)) throw notOfUpstream(name)
    }
    return found
  }
}

/** The one upstream that variables change. @throws ChatError `invalid-request` or `conflict` */
function onlyChange([change, other]: readonly ChangedUpstream[], variables: KeptValues): ChangedUpstream {
  const [first = ''] = Object.keys(variables)
  if (change?.diverts) throw divertsCredentials(first, change.diverts)
  if (!change) throw faultOf(first, 'adds no account to an upstream, and changes none')
  if (!other) return change
  const names = `${change.upstream.name} and ${other.upstream.name}`
  throw faultOf(first, `comes with variables of another upstream (${names}). Add one after the other`)
}
