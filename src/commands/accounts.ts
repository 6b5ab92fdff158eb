import { asChatError } from '../chat/error.ts'
import type { Config } from '../config/config.ts'
import type { Runtime } from '../flow/runtime.ts'
import { type AccountAdmin, type AccountList, accountsOfServer, type ListedAccount } from './account-admin.ts'
import type { CommandLine } from './command-line.ts'
import { urlOf } from './health.ts'
import { readPasted } from './read-pasted.ts'
import { table } from './table.ts'

/** sysexits.h: a wrong command line. */
const usageExit = 64
const usageText =
  'Usage: tributary accounts list | add UPSTREAM [--from-stdin] [--force] | rest LABEL [--minutes N] | wake LABEL | remove LABEL.'
/** Minutes of a rest, unless the operator says otherwise. */
const usualMinutes = '60'

interface AccountsCommand {
  readonly line: CommandLine
  readonly runtime: Runtime
}

interface Action {
  readonly admin: AccountAdmin
  /** The word after the action. */
  readonly word: string
  readonly line: CommandLine
}

const actions: Readonly<Record<string, (action: Action) => Promise<string>>> = {
  add: async ({ admin, word, line: { isForced, isFromStdin } }) => {
    const variable = freeVariable(admin.list(), word)
    const value = await readPasted({ variable, isFromStdin })
    return describeAdded(variable, await admin.add(variable, value, { isForced }))
  },
  rest: async ({ admin, word, line: { values } }) => {
    const { minutes = usualMinutes } = values
    if (!/^[1-9]\d{0,5}$/.test(minutes)) throw new Error('--minutes must be a whole number of minutes, at least 1.')
    await admin.rest(accountNamed(admin.list(), word), Number(minutes))
    return `${word} rests for ${minutes} minutes. "tributary accounts wake ${word}" ends that.\n`
  },
  wake: async ({ admin, word }) => {
    await admin.wake(accountNamed(admin.list(), word))
    return `${word} is used again.\n`
  },
  remove: async ({ admin, word }) => {
    const { variable, source } = accountNamed(admin.list(), word)
    if (variable === undefined || source !== 'state')
      throw new Error(`${word} is not kept in the state: remove ${variable ?? 'it'} from the environment or .env.`)
    return `Removed: ${(await admin.remove(variable)).join(', ')}.\n`
  },
}

/** Lists and changes the accounts of the running server, by its admin API. @returns the process's exit code */
export async function accounts(config: Config, { line, runtime }: AccountsCommand): Promise<number> {
  const [name = '', word, ...more] = line.words
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined
  if (more.length > 0 || (action ? word === undefined : name !== 'list' || word !== undefined))
    return fail(usageText, usageExit)
  try {
    const admin = await accountsOfServer(config, runtime)
    if (!admin)
      return fail(
        `No server answers at ${urlOf(config)}. Start it, or set the variable of the credential before the start: "tributary help upstreams" names them.`,
        1,
      )
    process.stdout.write(
      action && word !== undefined ? await action({ admin, word, line }) : listText(admin.list(), line),
    )
    return 0
  } catch (thrown) {
    return fail(thrown instanceof Error ? thrown.message : asChatError(thrown).message, 1)
  }
}

function listText({ accounts: listed }: AccountList, { isJson }: CommandLine): string {
  if (isJson) return `${JSON.stringify({ accounts: listed }, undefined, 2)}\n`
  if (listed.length === 0) return 'No upstream has an account.\n'
  const { isTTY, columns } = process.stdout
  const rows = listed.map(({ upstream, label, state, until, source, why }) => [
    ...[upstream, label, state, until ?? '–', source, why ?? '–'],
  ])
  return table(['upstream', 'account', 'state', 'until', 'source', 'why'], rows, isTTY ? columns : undefined)
}

/**
 * The variable for a new account: the upstream's own, or the first numbered one that is free.
 * @param word an upstream, or a variable
 */
export function freeVariable({ accounts: listed, places }: AccountList, word: string): string {
  const place = places.find(({ upstream, variable }) => upstream === word || variable === word)
  const isNew = !place && /^[A-Z][A-Z0-9_]+$/.test(word)
  if (!place && !isNew)
    throw new Error(
      `There is no upstream "${word}" that takes a credential. There are: ${names(places).join(', ')}. A variable, such as OPENAI_API_KEY_2, can be named too.`,
    )
  const variable = place?.variable ?? word
  const used = new Set(listed.flatMap((account) => account.variable ?? []))
  if (isNew || !used.has(variable)) return variable
  for (let number = 2; ; number++) if (!used.has(`${variable}_${number}`)) return `${variable}_${number}`
}

function names(places: AccountList['places']): readonly string[] {
  return [...new Set(places.flatMap(({ upstream }) => upstream ?? []))].toSorted()
}

/** @param word an account's label, also as `upstream/label` */
function accountNamed({ accounts: listed }: AccountList, word: string): ListedAccount {
  const found = listed.filter(({ upstream, label }) => label === word || `${upstream}/${label}` === word)
  const [account] = found
  if (!account) throw new Error(`There is no account "${word}". "tributary accounts list" shows all.`)
  if (found.length > 1)
    throw new Error(
      `Several upstreams have an account "${word}": write ${found.map(({ upstream }) => `${upstream}/${word}`).join(' or ')}.`,
    )
  return account
}

function describeAdded(variable: string, { upstream, test }: Readonly<Record<string, unknown>>): string {
  const works = typeof test === 'object' && test !== null && 'works' in test && test.works === true
  const verdict = works ? 'it works' : 'its test failed, and it was kept because of --force'
  return `${variable} is added to ${String(upstream)}: ${verdict}.\n`
}

function fail(text: string, code: number): number {
  process.stderr.write(`${text}\n`)
  return code
}
