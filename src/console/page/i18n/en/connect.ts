import { name, plain } from '../marks.ts'

export const connect = {
  intro: 'Settings that can be pasted as they are. Choose what stands in them, then the client.',
  setup: 'What stands in the settings',
  address: 'Address of this gateway',
  addressHint:
    'As the client reaches it. A client in Docker may need http://host.docker.internal instead of 127.0.0.1.',
  wrongAddress: 'Write an address that begins with http:// or https://.',
  key: 'Key',
  noKeyHint: 'Without a key the settings name the variable TRIBUTARY_KEY.',
  keyHint: 'It stands in the settings below. This page keeps it only until it is closed.',
  makeKey: 'Make a key',
  made: (key: string) => `The key ${plain(name(key))} was made. It is shown here only now.`,
  useOwnKey: 'Use the key of this tab',
  show: 'Show',
  hide: 'Hide',
  clear: 'Clear',
  modelHint: 'A model, route or panel of this gateway.',
  clients: 'Clients',
  settingsOf: (client: string) => `Settings of ${client}`,
  inFile: (file: string) => `In the file ${file}`,
  inTerminal: 'In a terminal',
  inProgram: 'In your program',
  variable: 'Set the variable TRIBUTARY_KEY to a key of this gateway. If it needs none, any word will do.',
  check: 'Does it work?',
  checkHint: {
    chat: 'Sends one small request as Chat Completions, ',
    responses: 'Sends one small request as Responses, ',
    messages: 'Sends one small request as Messages, ',
  },
  withOwnKey: 'with the key of this tab. ',
  withThisKey: 'with the key above. ',
  elsewhere:
    'It goes to the address of this page: whether the client reaches the other address, only the client can say.',
  works: (took: string) => `It works. The answer came after ${took}.`,
  showRequest: 'Show the request',
  troubles: {
    unreachable: {
      what: 'The gateway cannot be reached.',
      step: 'Is it running, and is this computer on its network?',
    },
    wrongKey: {
      what: 'The gateway does not know this key.',
      step: 'Copy the whole key, or make a new one: a revoked key never works again.',
    },
    expired: { what: 'This key has expired.', step: 'Make a new one, or give it a later date under Keys.' },
    notAllowed: {
      what: 'This key may not do that.',
      step: 'Its models may be limited: choose another model, or allow this one under Keys.',
    },
    noModel: { what: 'There is no such model.', step: 'Choose one of the list: the name must be written exactly so.' },
    budget: {
      what: 'A budget is used up.',
      step: 'That of the key is raised under Keys; that of an account ends with its period.',
    },
    limit: {
      what: 'There were too many requests.',
      step: 'Wait a little and try again, or raise the limits of the key.',
    },
    refused: {
      what: 'The request was refused.',
      step: 'The model may not take such requests: choose another one. The text says more.',
    },
    upstream: {
      what: 'The gateway works, but its upstream did not answer.',
      step: 'See Upstreams for the cause, or choose a model of another upstream.',
    },
  },
}
