import { editsBetween } from '../chat/edit-distance.ts'

/** The arguments of the program, parsed. */
export interface CommandLine {
  readonly name: string
  /** The words after the command. */
  readonly words: readonly string[]
  readonly envFile: string | undefined
  readonly isJson: boolean
  /** Whether `connect` changes a client's file, or `import` writes `.env`. */
  readonly isWrite: boolean
  /** Whether `usage` prints CSV. */
  readonly isCsv: boolean
  /** Whether `accounts add` reads a file or another program. */
  readonly isFromStdin: boolean
  /** Whether `accounts add` keeps what could not be tested. */
  readonly isForced: boolean
  /** The other options of `usage`, `keys` and `accounts`. */
  readonly values: Readonly<Partial<Record<ValueOption, string>>>
  /** Settings of the command line, by the variable's name. */
  readonly flags: Readonly<Record<string, string>>
}

type ValueOption = (typeof valueOptions)[number]

// biome-ignore format: a line for each command
const valueOptions = [
  'by', 'from', 'to',
  'models', 'rpm', 'tpm', 'concurrent', 'budget', 'expires', 'role', 'owner',
  'minutes', 'sha256',
] as const

const options = {
  'env-file': { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string' },
  json: { type: 'boolean' },
  write: { type: 'boolean' },
  csv: { type: 'boolean' },
  'from-stdin': { type: 'boolean' },
  force: { type: 'boolean' },
  minutes: { type: 'string' },
  sha256: { type: 'string' },
  by: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  models: { type: 'string' },
  rpm: { type: 'string' },
  tpm: { type: 'string' },
  concurrent: { type: 'string' },
  budget: { type: 'string' },
  expires: { type: 'string' },
  role: { type: 'string' },
  owner: { type: 'string' },
  version: { type: 'boolean', short: 'v' },
  help: { type: 'boolean', short: 'h' },
} as const

const [ofUsage, ofKeys, ofAccounts, ofUpgrade] = [['usage', 'keys'], ['keys'], ['accounts'], ['upgrade']]

/** The options that only some commands have. */
const owners: Readonly<Record<string, readonly string[]>> = {
  write: ['connect', 'import'],
  ...{ csv: ofUsage, by: ofUsage, from: [...ofUsage, ...ofUpgrade], to: ofUsage },
  ...{ models: ofKeys, rpm: ofKeys, tpm: ofKeys, concurrent: ofKeys, budget: ofKeys },
  ...{ expires: ofKeys, role: ofKeys, owner: ofKeys },
  ...{ 'from-stdin': ofAccounts, force: ofAccounts, minutes: ofAccounts },
  sha256: ofUpgrade,
}

const serve: CommandLine = {
  name: 'serve',
  words: [],
  envFile: undefined,
  isJson: false,
  isWrite: false,
  isCsv: false,
  isFromStdin: false,
  isForced: false,
  values: {},
  flags: {},
}

/** Commands that take words after them. */
const withWords = new Set(['help', 'connect', 'usage', 'keys', 'accounts', 'state', 'verify', 'import', 'replay'])

/**
 * Parses the arguments.
 * @param known the names of all commands
 * @returns the parsed arguments, or a sentence about the problem
 */
export function readCommandLine(args: readonly string[], known: readonly string[]): CommandLine | string {
  if (args.length === 0) return serve
  try {
    // loaded when it is needed, because most starts have no arguments
    const { values, positionals } = process.getBuiltinModule('node:util').parseArgs({
      args: args.map((arg) => (arg === '-V' ? '-v' : arg)),
      allowPositionals: true,
      options,
    })
    const [empty] = Object.entries(values).find(([, value]) => value === '') ?? []
    // a script has probably left a variable unset, and the operator did not mean the default
    if (empty !== undefined) return `Option '--${empty} <value>' is empty.`
    const [first = serve.name, ...words] = positionals
    // `tributary -h` and `tributary check --help` mean `tributary help`
    const name = values.help ? 'help' : values.version ? 'version' : first
    if (!known.includes(name)) return `There is no command "${name}".${hintAt(name, known)}`
    if (words.length > 0 && !withWords.has(name) && !values.help && !values.version)
      return `Only one command can be given, not ${positionals.length}.`
    const stray = Object.keys(values).find((option) => owners[option]?.includes(name) === false)
    if (stray !== undefined && name !== 'help') return `Option '--${stray}' belongs to ${owners[stray]?.join(' and ')}.`
    const { host, port, json = false, write = false, csv = false, force = false } = values
    return {
      name,
      words: name === first ? words : [],
      envFile: values['env-file'],
      isJson: json,
      isWrite: write,
      isCsv: csv,
      isFromStdin: values['from-stdin'] ?? false,
      isForced: force,
      values: given(values),
      flags: { ...(host !== undefined && { HOST: host }), ...(port !== undefined && { PORT: port }) },
    }
  } catch (thrown) {
    return explainError(thrown, args)
  }
}

function given(values: { readonly [option in ValueOption]?: string | undefined }): CommandLine['values'] {
  return Object.fromEntries(
    valueOptions.flatMap((option) => (values[option] === undefined ? [] : [[option, values[option]]])),
  )
}

/**
 * Keeps only the first sentence of the error. The second one is about arguments that begin with a dash, and no
 * command takes such arguments.
 */
function explainError(thrown: unknown, args: readonly string[]): string {
  const [first = ''] = thrown instanceof Error ? thrown.message.split('. ', 1) : []
  if (first === '') return 'The arguments are wrong.'
  const sentence = `${first.replace(/\.$/, '')}.`
  const unknown = args.find((arg) => first.includes(`'${arg.split('=', 1)[0]}'`)) ?? ''
  const name = unknown.replace(/^-+/, '').split('=', 1)[0] ?? ''
  const near = Object.keys(options).find((option) => editsBetween(name, option) <= 2)
  return first.startsWith('Unknown option') && near !== undefined ? `${sentence} Did you mean --${near}?` : sentence
}

/** Other programs' names for these commands. */
const synonyms: Readonly<Record<string, string>> = {
  start: 'serve',
  run: 'serve',
  server: 'serve',
  up: 'serve',
  config: 'check',
  validate: 'check',
  test: 'doctor',
  diagnose: 'doctor',
  list: 'models',
  ls: 'models',
  ping: 'health',
  status: 'health',
  env: 'settings',
  setting: 'settings',
  try: 'demo',
  setup: 'connect',
  update: 'upgrade',
  service: 'systemd',
  unit: 'systemd',
}

/** A hint at the known word that was probably meant; empty if none is similar. */
export function hintAt(name: string, known: readonly string[]): string {
  const word = name.toLowerCase()
  const near = known
    .map((other) => ({ other, edits: editsBetween(word, other) }))
    .toSorted((a, b) => a.edits - b.edits)
    .find(({ edits }) => edits <= Math.min(2, word.length - 2))
  const meant = Object.hasOwn(synonyms, word) ? synonyms[word] : near?.other
  return meant === undefined ? '' : ` Did you mean "${meant}"?`
}
