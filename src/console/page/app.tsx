import { useSignal } from '@preact/signals'
import type { ComponentType } from 'preact'
import { useEffect } from 'preact/hooks'
import { chooseLanguage, language, texts } from './i18n/index.ts'
import { Brand } from './kit/brand.tsx'
import { Button } from './kit/button.tsx'
import { Icon, type IconName } from './kit/icon.tsx'
import { Segments } from './kit/segments.tsx'
import { forgetBad, Toasts } from './kit/toast.tsx'
import { address, hrefOf } from './router.ts'
import { followEvents, isLive } from './session/live.ts'
import { enter, isAdmin, leave, signIn } from './session/me.ts'
import { followOverview, overview } from './session/overview.ts'
import { chooseTheme, theme } from './session/theme.ts'
import { SignInForm } from './sign-in-form.tsx'
import { ApiView } from './views/api/api.tsx'
import { ConnectView } from './views/connect/connect.tsx'
import { HomeView } from './views/home/home.tsx'
import { KeysView } from './views/keys/keys.tsx'
import { RequestsView } from './views/requests/requests.tsx'
import { SettingsView } from './views/settings/settings.tsx'
import { ToolsView } from './views/tools/tools.tsx'
import { TryView } from './views/try/try.tsx'
import { UpstreamsView } from './views/upstreams/upstreams.tsx'
import { UsageView } from './views/usage/usage.tsx'

interface ViewEntry {
  readonly name: IconName & keyof (typeof texts.value)['views']
  readonly show: ComponentType
  /** Whether only an admin may use it. */
  readonly isAdmins: boolean
}

const views: readonly ViewEntry[] = [
  { name: 'home', show: HomeView, isAdmins: true },
  { name: 'upstreams', show: UpstreamsView, isAdmins: true },
  { name: 'requests', show: RequestsView, isAdmins: false },
  { name: 'usage', show: UsageView, isAdmins: false },
  { name: 'keys', show: KeysView, isAdmins: true },
  { name: 'try', show: TryView, isAdmins: false },
  { name: 'tools', show: ToolsView, isAdmins: true },
  { name: 'connect', show: ConnectView, isAdmins: false },
  { name: 'api', show: ApiView, isAdmins: false },
  { name: 'settings', show: SettingsView, isAdmins: true },
]

/** The page: it asks for a key if one is needed, and shows the view that the address names. */
export function App() {
  useEffect(() => void enter(), [])
  const { words } = texts.value
  switch (signIn.value.kind) {
    case 'asking':
      return <p class="loading">{words.loading}</p>
    case 'refused':
      return (
        <>
          <SignInForm error={signIn.value.error} />
          <Toasts />
        </>
      )
    case 'known':
      return <House />
  }
}

function House() {
  const isAdmins = isAdmin()
  const allowed = views.filter((view) => isAdmins || !view.isAdmins)
  const usual = isAdmins ? 'home' : 'try'
  const { view } = address.value
  const current = allowed.find(({ name }) => name === view) ?? allowed.find(({ name }) => name === usual)
  useEffect(() => (isAdmins ? followAll() : undefined), [isAdmins])
  useEffect(() => {
    if (!current) return
    document.title = `${texts.value.views[current.name]} · tributary`
  }, [current?.name, language.value])
  useEffect(() => {
    document.querySelector<HTMLElement>('.view h1')?.focus({ preventScroll: true })
    scrollTo(0, 0)
    return forgetBad
  }, [current?.name])
  if (!current) return null
  const Show = current.show
  return (
    <div class="house">
      <button type="button" class="button skip" onClick={() => document.getElementById('main')?.focus()}>
        {texts.value.shell.skip}
      </button>
      <Sidebar views={allowed} current={current.name} />
      <main id="main" tabIndex={-1}>
        <Show key={current.name} />
      </main>
      <Toasts />
    </div>
  )
}

/** Follows what changes at the gateway. @returns a function that ends this */
function followAll(): () => void {
  const ends = [followOverview(), followEvents()]
  return () => {
    for (const end of ends) end()
  }
}

function Sidebar({ views, current }: { readonly views: readonly ViewEntry[]; readonly current: string }) {
  const { shell, views: names } = texts.value
  const isOpen = useSignal(false)
  // on a phone the menu closes when a view is chosen
  useEffect(() => void (isOpen.value = false), [current, address.value])
  return (
    <header class={isOpen.value ? 'sidebar open' : 'sidebar'}>
      <div class="brand">
        <Brand />
        <span class="name">tributary</span>
        {isAdmin() && <LiveSign />}
        <button
          type="button"
          class="button quiet menu"
          aria-expanded={isOpen.value}
          onClick={() => void (isOpen.value = !isOpen.value)}
        >
          <Icon name={isOpen.value ? 'close' : 'menu'} />
          <span class="unseen">{shell.menu}</span>
        </button>
      </div>
      <nav aria-label={shell.views}>
        {views.map(({ name }) => (
          <a key={name} href={hrefOf([name])} {...(name === current && { 'aria-current': 'page' as const })}>
            <Icon name={name} />
            {names[name]}
            {name === 'home' && <NeedCount />}
          </a>
        ))}
      </nav>
      <Choices />
    </header>
  )
}

function LiveSign() {
  const { shell } = texts.value
  const text = isLive.value ? shell.live : shell.notLive
  return (
    <span class={isLive.value ? 'live on' : 'live'} title={text}>
      <span class="unseen">{text}</span>
    </span>
  )
}

/** How many things need somebody, notes apart. */
function NeedCount() {
  const needs = overview.value?.needs.filter(({ severity }) => severity !== 'note') ?? []
  if (needs.length === 0) return null
  const isUrgent = needs.some(({ severity }) => severity === 'urgent')
  return (
    <span class={isUrgent ? 'need-count bad' : 'need-count warning'}>
      <span aria-hidden="true">{needs.length}</span>
      <span class="unseen">{texts.value.shell.needs(needs.length)}</span>
    </span>
  )
}

const themeIcons = { system: 'screen', light: 'sun', dark: 'moon' } as const
const themes = ['system', 'light', 'dark'] as const
const languageSigns = [
  { value: 'en', text: 'EN', title: 'English' },
  { value: 'zh', text: '中文', title: '中文' },
] as const

/** The language, the colours and the way out. */
function Choices() {
  const { shell } = texts.value
  const known = signIn.value.kind === 'known' ? signIn.value.me : undefined
  return (
    <div class="choices">
      {known && (
        <p class="who">
          <bdi>{known.name}</bdi>
          <span class="version">{known.version}</span>
        </p>
      )}
      <div class="row">
        <Segments
          label={shell.language}
          value={language.value}
          options={languageSigns.map(({ value, text, title }) => ({
            value,
            title,
            text: <span lang={value === 'zh' ? 'zh-Hans' : 'en'}>{text}</span>,
          }))}
          onChoose={chooseLanguage}
        />
        <Segments
          label={shell.colours}
          value={theme.value}
          options={themes.map((value) => ({
            value,
            title: shell.themes[value],
            text: (
              <>
                <Icon name={themeIcons[value]} />
                <span class="unseen">{shell.themes[value]}</span>
              </>
            ),
          }))}
          onChoose={chooseTheme}
        />
      </div>
      {known?.needs_key && (
        <Button kind="quiet" icon="exit" onPress={() => leave()}>
          {shell.leave}
        </Button>
      )}
    </div>
  )
}
