import { needs, otherNeed } from './needs.ts'

const things = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`

export const home = {
  needs,
  otherNeed,
  severities: { urgent: 'Urgent', warning: 'Soon', note: 'Note' },
  needsYou: (count: number) => (count === 1 ? 'One thing needs you' : `${count} things need you, the worst first`),
  notes: 'Good to know',
  fine: 'Nothing needs you',
  nothingUrgent: 'Nothing is wrong',
  works: ({ upstreams, accounts }: { readonly upstreams: number; readonly accounts: number }) =>
    `${things(upstreams, 'upstream', 'upstreams')} with ${things(accounts, 'account', 'accounts')} can be used.`,
  has: ({ upstreams, accounts, tool_servers, keys }: Counts) =>
    [
      things(upstreams, 'upstream', 'upstreams'),
      things(accounts, 'account', 'accounts'),
      things(tool_servers, 'tool server', 'tool servers'),
      things(keys, 'named key', 'named keys'),
    ].join(' · '),
  startedAt: 'Started',
  since: 'Began',
  ends: 'Ends by itself',
  why: 'What was said',
  next: 'Next',
  others: (usable: number) =>
    usable === 0
      ? 'No other account of this upstream can answer now, so requests to it fail.'
      : `${things(usable, 'other account', 'other accounts')} of it can answer meanwhile.`,
  showAll: (count: number) => `Show all ${count}`,
  problems: 'Problems',
  stderr: 'Last lines of its output',
  actions: {
    addUpstream: 'Add an upstream',
    newSession: 'Paste a new session',
    newCredential: 'Paste a new credential',
    openUpstream: 'Open the upstream',
    test: 'Test now',
    restart: 'Restart it',
    openTools: 'Open the tools',
    showRequest: 'Show the request',
    showRequests: 'Show its requests',
    raise: 'Change the budget',
    openKey: 'Open the key',
    openSetting: 'Open the setting',
    reload: 'Read the settings again',
    look: 'Look again',
  },
  tested: (upstream: string, works: number, all: number) =>
    `${upstream}: ${works} of ${things(all, 'account works', 'accounts work')}.`,
  restarted: (server: string) => `${server} runs again.`,
  reloaded: 'The settings were read, and are in force.',
  first: {
    title: 'Welcome',
    text: 'The gateway runs. So far only the built-in demo answers: it repeats what you say. Three steps to real answers:',
    add: 'Add a service',
    addText:
      'Paste the API key or the session of a service that you use. It is checked at once, and no restart is needed.',
    try: 'Try a model',
    tryText: 'Ask a model here in the browser, and see what comes back and how fast. The demo works too.',
    connect: 'Connect a client',
    connectText: 'Copy the address and ready settings for your program. Every OpenAI client fits.',
  },
  hour: {
    title: 'The last hour',
    requests: 'requests',
    failed: 'failed',
    left: (count: number) => things(count, 'client left', 'clients left'),
    firstEvent: 'to the first token',
    slow: (text: string) => `median; 95% under ${text}`,
    tokens: 'tokens',
    inOut: (read: string, written: string) => `${read} in, ${written} out`,
    cost: 'cost',
    costHint: 'as far as it is known',
    running: 'running now',
    waiting: (count: number) => `${count} waiting`,
    none: 'No request came in the last hour.',
    plot: (requests: string, failed: string, busiest: string) =>
      `Requests by minute: ${requests} in all, ${failed} failed, at most ${busiest} in a minute.`,
    legendAll: 'Requests by minute',
    legendBad: 'of these failed',
    ago: '60 minutes ago',
    now: 'now',
  },
}

interface Counts {
  readonly upstreams: number
  readonly accounts: number
  readonly tool_servers: number
  readonly keys: number
}
