/** The first words of Redis's errors, and what they say to the operator. https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors */
const meanings: Readonly<Record<string, string>> = {
  READONLY: 'is a read-only replica',
  LOADING: 'is still loading its data',
  OOM: 'has reached its maxmemory',
  NOAUTH: 'needs a password, and STATE_URL has none',
  WRONGPASS: 'refuses the user or the password in STATE_URL',
  NOPERM: 'does not allow its user what the state needs',
  MISCONF: 'cannot write its data to its disk',
  MASTERDOWN: 'is a replica that has lost its master',
  NOREPLICAS: 'has too few replicas to accept writes',
  CLUSTERDOWN: 'is a cluster, which is not supported',
  MOVED: 'is a cluster, which is not supported',
  CROSSSLOT: 'is a cluster, which is not supported',
  BUSY: 'is busy with a script of another program',
}

/** What is wrong if the connection is. */
export const connectionFailures = {
  stalled: 'does not answer',
  closed: 'has closed the connection',
  unreachable: 'cannot be reached',
} as const

/** Whether nothing can be heard of the server. Otherwise it answers, and says what is wrong. */
export function isUnreachable(failure: string): boolean {
  return Object.values(connectionFailures).some((words) => failure.startsWith(words))
}

// an error inside a script stands behind other words before Redis 7
const word = new RegExp(`(?:^|[-\\s])(${Object.keys(meanings).join('|')})\\b`)

/** Whether the user may not send the command. */
export function isForbidden(thrown: unknown): boolean {
  return thrown instanceof Error && /\bNOPERM\b/.test(thrown.message)
}

/** Whether the choice of the database has failed. */
export function isOfSelect(thrown: unknown): boolean {
  if (!(thrown instanceof Error) || !('command' in thrown)) return false
  const { command } = thrown
  return typeof command === 'object' && command !== null && 'name' in command && command.name === 'select'
}

/**
 * Says what is wrong with the server, from an error of the client. The client's errors are not handed on, because they contain the
 * arguments of the command, such as a password. @returns undefined if the error only says that the connection was lost
 */
export function describeFailure(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined
  if (isOfSelect(thrown) && thrown.message.startsWith('ERR')) return 'does not have the database that STATE_URL names'
  const [, name = ''] = word.exec(thrown.message) ?? []
  const meaning = meanings[name]
  if (meaning !== undefined) return meaning
  if (thrown.name === 'ReplyError') return `answers with an error (${thrown.message.split(' ', 1)[0]})`
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined
  return code && `${connectionFailures.unreachable} (${code})`
}
