import { api } from './en/api.ts'
import { connect } from './en/connect.ts'
import { home } from './en/home.ts'
import { keys } from './en/keys.ts'
import { requests } from './en/requests.ts'
import { settings } from './en/settings.ts'
import { tools } from './en/tools.ts'
import { tryTexts } from './en/try.ts'
import { upstreams } from './en/upstreams.ts'
import { usage } from './en/usage.ts'

/** The texts in English. Each view has a part of its own. */
export const en = {
  words: {
    loading: 'Loading…',
    again: 'Try again',
    close: 'Close',
    cancel: 'Cancel',
    save: 'Save',
    copy: 'Copy',
    copied: 'Copied',
    notCopied: 'The browser did not allow it. Select the text and copy it.',
    unknown: 'unknown',
    yes: 'yes',
    no: 'no',
    none: 'none',
    all: 'all',
    more: 'Show all',
    less: 'Show less',
    unreachable: 'The gateway cannot be reached. Is it running, and is this computer on its network?',
  },
  shell: {
    skip: 'Skip to the content',
    views: 'Views',
    menu: 'Menu',
    live: 'Live',
    notLive: 'Not live',
    language: 'Language',
    colours: 'Colours',
    themes: { system: 'Like the system', light: 'Light', dark: 'Dark' },
    needs: (count: number) => (count === 1 ? '1 thing needs you' : `${count} things need you`),
    leave: 'Forget the key',
  },
  signIn: {
    why: 'This gateway needs a key.',
    key: 'Key',
    hint: 'It is kept in this tab only. An admin key shows everything; the key of a client shows what it may use.',
    wrong: 'The API key is wrong, or was revoked.',
    enter: 'Enter',
  },
  views: {
    home: 'Home',
    upstreams: 'Upstreams',
    requests: 'Requests',
    usage: 'Usage',
    keys: 'Keys',
    try: 'Try',
    tools: 'Tools',
    connect: 'Connect',
    api: 'API',
    settings: 'Settings',
  },

  api,
  home,

  upstreams,

  requests,

  usage,

  keys,

  try: tryTexts,

  tools,

  connect,

  settings,
}

/** The texts of the page. Every language has the same ones. */
export type Texts = typeof en
