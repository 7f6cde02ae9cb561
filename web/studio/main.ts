import { mount } from 'svelte';
import { installTheme } from '../shared/theme.ts';
import Studio from './Studio.svelte';

installTheme();
mount(Studio, { target: document.getElementById('page') as HTMLElement });
