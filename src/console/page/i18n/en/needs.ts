import { code } from '../marks.ts'
import type { KindWords, NeedWords } from '../need-words.ts'

const again = ({ until }: NeedWords) => (until ? ` It is tried again ${until}.` : '')
const onlyModels = ({ list }: NeedWords) => {
  const models = list('models')
  return models ? ` This is so only for ${models}.` : ''
}
const byOperator = ({ text }: NeedWords) => text('code') === 'rested_by_operator'
const inARow = ({ number }: NeedWords) => {
  const failures = number('failures') ?? 0
  return failures > 1 ? `: ${failures} requests in a row have failed` : ''
}
const secondsOff = ({ number }: NeedWords) => number('seconds') ?? 0

/** What needs somebody, and what to do: by the kind of the need. */
export const needs: Readonly<Record<string, KindWords>> = {
  no_upstream: {
    cause: () => 'No upstream is set, so only the built-in demo answers.',
    step: () => 'Add the API key or the session of a service that you use.',
  },
  account_needs_login: {
    cause: ({ account, upstream }) => `The session of the account ${account} at ${upstream} has ended.`,
    step: () => 'Sign in at the service in a private window, copy the new session, and paste it here.',
  },
  account_banned: {
    cause: ({ account, upstream }) => `${upstream} has blocked the account ${account}.`,
    step: () =>
      'Read what the service said and what its terms say, and ask the service. Do not replace the account by another one to get around it. Remove it here if it is gone.',
  },
  account_refused: {
    cause: ({ account, upstream }) => `${upstream} refuses the credential of the account ${account}.`,
    step: (need) =>
      `See at the service whether it was revoked or has no credit left, and paste a new one.${again(need)}`,
  },
  account_exhausted: {
    cause: (need) => `The quota of the account ${need.account} at ${need.upstream} is used up.${onlyModels(need)}`,
    step: ({ until }) =>
      `${until ? `Wait: it is used again ${until}.` : 'Wait until the service resets it.'} If that is too late, buy more at the service, or let a route use another upstream.`,
  },
  account_challenged: {
    cause: ({ account, upstream }) => `${upstream} shows the account ${account} a page that checks for a person.`,
    step: ({ until }) =>
      `Look in your own browser whether the service lets you in. The gateway never solves such a page: the account rests${until ? `, and is tried again ${until}` : ''}. If it happens again, use the service less, or its API.`,
  },
  account_resting: {
    cause: (need) =>
      `The account ${need.account} at ${need.upstream} rests${byOperator(need) ? ', because somebody let it rest in this console' : ''}.${onlyModels(need)}`,
    step: (need) =>
      `Nothing: it is used again ${need.until ?? 'by itself'}.${byOperator(need) ? ' If you need it before that, wake it.' : ''}`,
  },
  account_expires_soon: {
    cause: ({ account, upstream, until }) =>
      `The session of the account ${account} at ${upstream} ends ${until ?? 'soon'}, and nothing renews it.`,
    step: () => 'Paste a new session before that.',
  },
  upstream_unreachable: {
    cause: ({ upstream, text }) => `${upstream} cannot be reached${text('host') ? ` at ${text('host')}` : ''}.`,
    step: (need) =>
      `See whether this machine has a network and can look up names, and whether the service is up. Then test it.${again(need)}`,
  },
  upstream_failing: {
    cause: (need) => `${need.upstream} fails${inARow(need)}.`,
    step: (need) =>
      `Look at the service's status page: the failure is most likely there. A route with a second upstream keeps your clients served.${again(need)}`,
  },
  upstream_used_up: {
    cause: (need) =>
      `No account of ${need.upstream} may be asked now: each has reached a limit, or rests.${onlyModels(need)}`,
    step: ({ until }) =>
      `${until ? `Wait: the first one is used again ${until}.` : 'Wait until the service resets one.'} Meanwhile a route can use another upstream.`,
  },
  upstream_wrong_address: {
    cause: ({ upstream, typed }) =>
      `The address of ${upstream} is wrong: what answers ${typed('address') ? `at ${typed('address')} ` : 'there '}is not the API.`,
    step: ({ variable = 'the setting with its address' }) =>
      `Correct ${variable}: it is the base URL for OpenAI clients, and nearly always ends in ${code('/v1')}. Then read the settings again.`,
  },
  upstream_outdated: {
    cause: ({ upstream }) => `${upstream} no longer accepts what this version of tributary sends.`,
    step: () => 'Update tributary. Until then, use another upstream.',
  },
  model_failing: {
    cause: (need) => `The model ${need.model} of ${need.upstream} fails${inARow(need)}.`,
    step: (need) => `Look at its last requests, and use another model meanwhile.${again(need)}`,
  },
  drift: {
    cause: ({ upstream, text }) =>
      `The answers of ${upstream} have changed: ${
        {
          unknown_event: 'they contain an event that this version does not know',
          missing_field: 'they lack a field that this version expects',
          wrong_type: 'a field of them has another type than this version expects',
        }[text('what') ?? ''] ?? 'they are not as this version expects'
      }.`,
    step: () => 'Look at the shape. If answers are wrong, update tributary; if not, mark it as seen.',
  },
  tool_server_failed: {
    cause: ({ toolServer }) => `The tool server ${toolServer} has failed, so its tools are missing.`,
    step: () => 'Mend what it says, then restart it.',
  },
  tool_command_missing: {
    cause: ({ toolServer, typed }) =>
      `The tool server ${toolServer} cannot start: this machine does not have the command ${typed('command') ?? 'that it names'}.`,
    step: ({ typed }) =>
      `Install ${typed('command') ?? 'it'} for the user that runs tributary, then restart the tool server. Or write its full path in ${code('MCP_SERVERS')}, and restart tributary.`,
  },
  store_failing: {
    cause: () => 'The state cannot be written. Answers go on, but renewed sessions and chats may be lost.',
    step: () => `Check the place that ${code('STATE_URL')} names: is it there, and may tributary write to it?`,
  },
  disk_full: {
    cause: () => 'The disk is full, so the state cannot be written. Answers go on.',
    step: () =>
      `Free some space where ${code('STATE_URL')} lies. It goes on by itself; do not remove the file of the state.`,
  },
  redis_gone: {
    cause: () => 'Redis cannot be reached. Limits, sessions and chats are not shared until it is back.',
    step: () => `Start Redis, or check its address in ${code('STATE_URL')}. The gateway connects again by itself.`,
  },
  clock_off: {
    cause: (need) =>
      `The clock of this machine is ${Math.abs(secondsOff(need))} seconds ${secondsOff(need) < 0 ? 'behind' : 'ahead'}. So sessions seem to end too ${secondsOff(need) < 0 ? 'late' : 'early'}.`,
    step: () => `Let the machine set its clock by the network: ${code('timedatectl set-ntp true')}.`,
  },
  budget_spent: {
    cause: ({ key, count, text }) => `The key ${key} has spent its budget of ${count('amount')} ${text('unit') ?? ''}.`,
    step: ({ until }) =>
      `Its requests are refused${until ? `; it may go on ${until}` : ''}. Raise the budget if that is too late, or look what it was spent on.`,
  },
  budget_near: {
    cause: ({ key, count, text }) =>
      `The key ${key} has used ${count('percent')}% of its budget of ${count('amount')} ${text('unit') ?? ''}.`,
    step: ({ until }) => `Raise the budget if it shall last longer.${until ? ` It begins again ${until}.` : ''}`,
  },
  key_expired: {
    cause: ({ key, number }) =>
      `The key ${key} has expired${number('refused') ? `, and ${number('refused')} requests with it were refused` : ''}.`,
    step: () => 'Give its user a longer time or a new key. Revoke it if nobody should use it.',
  },
  cache_broken: {
    cause: ({ key, number }) =>
      `A client with the key ${key} breaks the prompt cache${number('breaks') && number('requests') ? ` in ${number('breaks')} of ${number('requests')} requests` : ''}, so it pays the full price for the same words.`,
    step: () =>
      'Look at the request to see where it differs from the one before. Often it is a time or a random number in the system prompt: let the client put it at the end.',
  },
  overloaded: {
    cause: ({ text, number }) =>
      `The gateway has more to do than it can${{ memory: ': memory is short', 'event-loop': ': the processor is busy', calls: ': all places for requests are taken' }[text('short_of') ?? ''] ?? ''}.${number('refused') ? ` ${number('refused')} requests were refused in five minutes.` : ''}`,
    step: ({ text }) =>
      ({
        memory: 'Give it more memory, or let fewer requests run at once.',
        'event-loop': `Send less at once, or use more cores with ${code('WORKERS')}.`,
        calls: `Raise ${code('MAX_STREAMS')} if the machine can bear it, or send less at once.`,
      })[text('short_of') ?? ''] ?? 'Send less at once, or give it a larger machine.',
  },
  open_to_everyone: {
    cause: () =>
      'Everybody who reaches this machine can use your accounts: it listens to other machines without a key.',
    step: () =>
      `Set ${code('API_MASTER_KEY')} to the output of ${code('openssl rand -hex 32')} and start again. Or set ${code('HOST')} to ${code('127.0.0.1')}.`,
  },
  weak_key: {
    cause: ({ variable = code('API_MASTER_KEY') }) => `The key in ${variable} is easy to guess.`,
    step: () =>
      `Replace it by the output of ${code('openssl rand -hex 32')}, read the settings again, and tell your clients.`,
  },
  reload_failed: {
    cause: () => 'The new settings have a problem. The former ones are still in force.',
    step: ({ variable = 'it' }) => `Correct ${variable}, then read the settings again.`,
  },
  log_dropped: {
    cause: ({ count }) => `${count('lines')} lines of the log were dropped, because nothing read them in time.`,
    step: () => 'Look at what reads the output of tributary: a full disk, a stopped terminal, a slow collector.',
  },
}

/** For a kind that this page does not know. */
export const otherNeed: KindWords = {
  cause: ({ kind, subjects }) => `${code(kind)}${subjects ? `: ${subjects}` : ''}`,
  step: () => 'Read the reason, and look at the log of the gateway.',
}
