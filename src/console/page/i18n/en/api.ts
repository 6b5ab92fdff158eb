import { code } from '../marks.ts'

export const api = {
  about: `Every route of this gateway. ${code('/openapi.json')} has the same for programs.`,
  filter: 'Filter by path or words',
  noMatch: 'No route fits the filter.',
  command: 'A command that asks it',
  takes: 'Takes',
  gives: 'Gives',
  access: {
    open: 'Everyone may use it.',
    client: 'Every key may use it.',
    admin: 'Only the key of an admin may use it.',
  },
}
