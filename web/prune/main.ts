import { mount } from 'svelte';
import { installTheme } from '../shared/theme.ts';
import App from './App.svelte';

installTheme();
mount(App, { target: document.getElementById('page') as HTMLElement });
