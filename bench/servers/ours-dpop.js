export { mount } from './ours.js';
