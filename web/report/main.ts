import { mount } from 'svelte';
import { installTheme } from '../shared/theme.ts';
import Page from './Page.svelte';

installTheme();
const text = document.getElementById('document')?.textContent ?? '';
mount(Page, { target: document.getElementById('page') as HTMLElement, props: { document: JSON.parse(text) } });
