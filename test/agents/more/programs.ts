import { join } from 'node:path'

/** Where a program works, and what it must know of the gateway. */
export interface Place {
  /** The folder in which the program is installed. */
  readonly installed: string
  /** Its home and its working folder, which has the file `one.txt`. */
  readonly home: string
  /** The address of the gateway. */
  readonly url: string
  /** The gateway's name of the model. */
  readonly model: string
}

/** A program that reads a file with a tool, or changes it, and says what the model says. */
export interface AgentProgram {
  readonly name: string
  readonly npm?: string
  readonly pypi?: string
  /** The files of its settings, by their paths below the home folder. */
  settings?(place: Place): Readonly<Record<string, string>>
  /** Commands to run one after the other; the last one does the work. */
  commands(place: Place): readonly (readonly string[])[]
  /** Whether it writes its changes into its answer, and offers no tools. */
  readonly hasNoTools?: boolean
}

const prompt = 'Read the file one.txt, and say what it says.'
const binary = ({ installed }: Place, name: string) => join(installed, 'node_modules', '.bin', name)

export const programs: readonly AgentProgram[] = [
  {
    name: 'opencode',
    npm: 'opencode-ai@1.18.33',
    settings: ({ url, model }) => ({
      '.config/opencode/opencode.json': JSON.stringify({
        model: `tributary/${model}`,
        provider: {
          tributary: {
            npm: '@ai-sdk/openai-compatible',
            options: { baseURL: `${url}/v1`, apiKey: 'unused' },
            models: { [model]: {} },
          },
        },
      }),
    }),
    commands: (place) => [[binary(place, 'opencode'), 'run', prompt]],
  },
  {
    name: 'cline',
    npm: 'cline@3.0.65',
    commands: (place) => {
      const { url, model } = place
      const cline = binary(place, 'cline')
      return [
        [cline, 'auth', '-p', 'openai', '-k', 'unused', '-m', model, '-b', `${url}/v1`],
        [cline, '-P', 'openai', '-m', model, '-t', '60', prompt],
      ]
    },
  },
  {
    name: 'continue',
    npm: '@continuedev/cli@1.5.47',
    settings: ({ url, model }) => ({
      'config.yaml': `name: local
version: 0.0.1
schema: v1
models:
  - name: tributary
    provider: openai
    model: ${model}
    apiBase: ${url}/v1
    apiKey: unused
    capabilities: [tool_use]
`,
    }),
    commands: (place) => [[binary(place, 'cn'), '-p', prompt, '--auto', '--config', join(place.home, 'config.yaml')]],
  },
  {
    name: 'aider',
    pypi: 'aider-chat==0.86.2',
    hasNoTools: true,
    commands: ({ installed, url, model }) => [
      [
        ...[join(installed, 'bin', 'aider'), '--openai-api-base', `${url}/v1`, '--openai-api-key', 'unused'],
        ...['--model', `openai/${model}`, '--edit-format', 'diff', '--no-git', '--yes-always', '--no-check-update'],
        ...['--analytics-disable', '--no-show-model-warnings', '--no-pretty', '--message', 'Change it.', 'one.txt'],
      ],
    ],
  },
]
